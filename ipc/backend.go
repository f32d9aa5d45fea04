package ipc

// Backend is what the server asks, one small interface for each group of routes, declared in the file that serves
// them. A nil field leaves its routes out, so that their paths do not exist.
//
// All methods are called concurrently. Their contexts carry the caller ([account.CallerFrom]) and, except for Login,
// Import and Watch, a deadline. An error reaches the caller as the [api.Error] in its tree; one without an api.Error
// is an internal error, whose details go to the log alone.
type Backend struct {
	Tokens    Tokens
	Proofs    Proofs
	Holds     Holds
	Accounts  Accounts
	Logins    Logins
	Imports   Imports
	Providers Providers
	Watches   Watches
	Files     Files
	Matches   Matches
	Policies  Policies
	Proxied   Proxied
	Sockets   Sockets
	Locks     Locks
	Stores    Stores
	Control   Control
}
