package ipc

import (
	"context"
	"iter"

	"oauthd/ipc/api"
)

// Backend is what the server asks. Every context carries the caller ([account.CallerFrom]) and ends, for all but
// Login and Watch, with a deadline. Errors reach the caller as [api.AsError] and the server's own timeouts shape them. All
// methods are called concurrently.
type Backend interface {
	Tokens
	Accounts
	Providers
	Logins
	Imports
	Control
}

// Tokens hands out access tokens.
type Tokens interface {
	// Token answers one request, whose account name is well formed. A caller that goes away is not noticed.
	Token(ctx context.Context, r api.TokenRequest) (api.Token, error)
}

// Accounts lists, shows and forgets accounts. Names are well formed.
type Accounts interface {
	Accounts(ctx context.Context) ([]api.Account, error)
	Account(ctx context.Context, name string) (api.Account, error)
	// Remove is Logout, then the account's file goes.
	Remove(ctx context.Context, name string) (api.LogoutResult, error)
	// Logout revokes the grant at the provider and forgets the credential.
	Logout(ctx context.Context, name string) (api.LogoutResult, error)
}

// Logins authorizes accounts.
type Logins interface {
	// Login runs one login to its end. Its context has no deadline of the server's; it ends when the connection closes
	// or the server stops. events is called from Login's own goroutine, never after Login has returned; an error that
	// Login returns becomes the error event.
	Login(ctx context.Context, name string, def api.AccountDefinition, events func(api.LoginEvent)) error
	// Callback gives the login of that id, or of the account of that name, the authorization response that a person
	// pasted. An error tells what is wrong with it; the login goes on waiting.
	Callback(ctx context.Context, id, pasted string) error
}

// Control is about the daemon itself.
type Control interface {
	Status(ctx context.Context) (api.Status, error)
	// Shutdown asks the daemon to stop and returns at once; the request that asked is answered first.
	Shutdown(ctx context.Context) error
	// Lock refuses every request for a token until Unlock.
	Lock(ctx context.Context) error
	// Unlock opens the store, where it can be closed, with the passphrase, and serves tokens again.
	Unlock(ctx context.Context, passphrase api.Confidential) error
	// Reload reads the configuration again; an error means that it stayed as it was.
	Reload(ctx context.Context) (api.ReloadResult, error)
	// Watch returns how the account is, every account for "", and then whatever changes. Its context has no deadline of
	// the server's and ends the sequence; an error is the sequence's last element.
	Watch(ctx context.Context, account string) (iter.Seq2[api.WatchEvent, error], error)
}
