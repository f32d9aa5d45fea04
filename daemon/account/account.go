// Package account is the leaf of the daemon's house: what an account, its credential, its tokens and its callers are.
//
// What may never be shown to a caller is shaped here, in [Secret] and [Credential]; what may be shown is shaped in
// ipc/api.
package account

import (
	"context"
	"time"

	"oauthd/ipc/api"
)

// Grant names how credentials are obtained.
type Grant string

// The grants.
const (
	// GrantAuthorizationCode is the authorization code grant through the loopback redirect (RFC 6749 §4.1, RFC 8252).
	GrantAuthorizationCode Grant = "authorization_code"
	// GrantDeviceCode is the device authorization grant, where the browser is on another device (RFC 8628).
	GrantDeviceCode Grant = "device_code"
	// GrantClientCredentials is a program's own access, without a person (RFC 6749 §4.4).
	GrantClientCredentials Grant = "client_credentials"
	// GrantServiceAccount signs in with a Google service account's key (RFC 7523 §2.1).
	GrantServiceAccount Grant = "service_account"
	// GrantIdentityAssertion exchanges the login of another account, [Account.Via], for an assertion about that person, which
	// the account's own server takes for a grant (RFC 8693, RFC 7523 §2.1; ID-JAG). There is no browser.
	GrantIdentityAssertion Grant = "identity_assertion"
	// GrantADC takes what Google's application default credentials are on this machine.
	GrantADC Grant = "adc"
)

// Grants returns every grant.
func Grants() []Grant {
	return []Grant{GrantAuthorizationCode, GrantDeviceCode, GrantClientCredentials, GrantServiceAccount, GrantADC, GrantIdentityAssertion}
}

// HasClient reports whether an OAuth client of a provider is needed.
func (g Grant) HasClient() bool { return g != GrantServiceAccount && g != GrantADC }

// Interactive reports whether a person has to agree, so that there is a login which can end. The zero Grant is one, as
// accounts that name none have the authorization code grant.
func (g Grant) Interactive() bool {
	return g != GrantClientCredentials && g != GrantIdentityAssertion && g.HasClient()
}

// Account is a name the user chose, bound to a provider, a client, scopes and a grant. It holds configuration; the
// credential is in the store.
type Account struct {
	Name string
	// Provider is a name of the provider table or of [providers.*]; "" when Issuer or Endpoints say it.
	Provider string
	// Tenant is what stands in the provider's URLs where it has them per tenant or domain; "" for its default.
	Tenant string
	Issuer string
	// Endpoints are given for an account whose provider has no name and no discovery; zero otherwise.
	Endpoints Endpoints
	// ClientID is "" for an account whose issuer registers the client (RFC 7591), or takes a document that describes it.
	ClientID string
	// ClientIDMetadata is the URL of that document (draft-ietf-oauth-client-id-metadata-document); "" for the configuration's.
	ClientIDMetadata string
	// ClientSecret is set when the person's own client_secrets file holds it; otherwise it is in the credential.
	ClientSecret Secret
	Scopes       []string
	Grant        Grant
	AuthParams   map[string]string
	// DPoP binds its tokens to a key that never leaves the daemon (RFC 9449).
	DPoP bool
	// Resource is sent with every request for a token (RFC 8707); "" for none.
	Resource string
	// Via is the account whose login is exchanged for tokens by [GrantIdentityAssertion]; "" for other grants.
	Via string
	// TokenExchange is true if a request that names scopes, an audience or a resource gets a token of its own for them
	// (RFC 8693), where a refresh cannot give one.
	TokenExchange bool
	// Audience is what tokens of a machine grant are for where the request names none; "" for none.
	Audience string
	// KeyFile is the path of the private key: a client's (RFC 7523 §2.2), a Google service account's, or, for
	// [GrantADC], a credentials file in place of the search. "" if the key is in the credential, or none is needed.
	KeyFile string
	// KeyID names the client's key where its file does not.
	KeyID string
	// Subject is the person a service account acts for by domain-wide delegation; "" for itself.
	Subject string
	// CredentialSources are the kinds of external_account credential source beyond plain files that [GrantADC] may use,
	// "executable" and "url"; nil for none.
	CredentialSources []string
	RedirectURI       string
	RedirectPorts     []int
	// Hosts are the patterns of the places where its tokens may be used; nil means those of its provider.
	Hosts []string

	// Policy is who may use it.
	Policy Policy
	// Sockets are the restricted sockets that are served for it whenever the daemon runs.
	Sockets []Socket

	// File is the path of the account's file; "" before it is written.
	File string
	// Managed is true when the daemon wrote File, and so may rewrite it.
	Managed bool
}

// Granted returns the scopes that a has: said, which the provider says it has granted, or those asked for if said is nil,
// because the provider never said otherwise (RFC 6749 §5.1).
func (a Account) Granted(said []string) []string {
	if said == nil {
		return a.Scopes
	}
	return said
}

// SelfContained reports whether all that a's tokens take is in files of this machine, so that nothing is stored of it.
func (a Account) SelfContained() bool {
	switch a.Grant {
	case GrantADC:
		return true
	case GrantServiceAccount:
		return a.KeyFile != ""
	case GrantClientCredentials:
		return a.KeyFile != "" || !a.ClientSecret.IsZero()
	case GrantIdentityAssertion: // its client is a public one unless the file says otherwise
		public := a.Endpoints.AuthMethod == "" || a.Endpoints.AuthMethod == "none"
		return a.KeyFile != "" || !a.ClientSecret.IsZero() || public
	default:
		return false
	}
}

// Endpoints are a provider's endpoints under the names of RFC 8414.
type Endpoints = api.Endpoints

// Credential is what is kept of a login. It never leaves daemon/ and keystore/.
type Credential struct {
	// Issuer, TokenEndpoint and ClientID say where the refresh token came from, and so the only place it may go.
	Issuer             string
	TokenEndpoint      string
	ClientID           string
	RevocationEndpoint string
	// AuthMethod is the token_endpoint_auth_method the login used.
	AuthMethod   string
	ClientSecret Secret
	// Key is the private key of a machine grant, as its file had it; unset for others, and where a file is read each time.
	Key Secret
	// ProofKey is what the tokens are bound to (RFC 9449), and at most servers the refresh token too; unset for bearer tokens.
	ProofKey Secret
	// RedirectURI is that of the login where the provider wants it again at each refresh; "" elsewhere.
	RedirectURI string
	// RefreshToken is unset if the provider gives none; then AccessToken, TokenType and Expiry are kept instead.
	RefreshToken Secret
	AccessToken  Secret
	TokenType    string
	Expiry       time.Time
	// Scopes are the granted ones; nil when the provider never said.
	Scopes  []string
	Subject string
	Email   string
	// LoggedInAt is when the person authorized.
	LoggedInAt time.Time
	// UsedAt is when the refresh token last brought a token; zero means not since the login. At rest it may be a day old.
	UsedAt time.Time
	// RefreshExpiry is when the refresh token ends, as far as the provider said; zero if it did not.
	RefreshExpiry time.Time
	// LoginScopes are the scopes that the login brought, if a refresh has brought fewer since; nil if none has.
	LoginScopes []string
	// SendScope is true if a refresh that named no scopes was seen to bring fewer, so that they are named from then on.
	SendScope bool
	// Dead is set once the provider has definitely refused the credential, at EndedAt; it stays stored, and a login is
	// required.
	Dead    bool
	EndedAt time.Time
	// Lasted is how long the account's earlier logins lasted until the provider ended them, the newest last.
	Lasted []time.Duration
	// Generation counts the saves of this account's record, from 1.
	Generation uint64
}

// Registration is a client that an issuer registered for us (RFC 7591 §3.2.1), and which client it refused before. It is kept
// by issuer and shared by that issuer's accounts.
type Registration struct {
	Issuer   string
	ClientID string
	// RedirectURIs are those it was registered with.
	RedirectURIs []string
	AuthMethod   string
	ClientSecret Secret
	// SecretExpiry is zero if the secret does not expire.
	SecretExpiry time.Time
	// DPoPBound is true if the client gets no token without a proof of a key (RFC 9449 §5.2).
	DPoPBound bool
	// AccessToken and ClientURI change the registration (RFC 7592 §3); unset if the issuer gives none.
	AccessToken Secret
	ClientURI   string
	// RefusedMetadata is the URL of the client id metadata document that the issuer refused; "" for none.
	RefusedMetadata string
}

// Token is an access token as the daemon holds it.
type Token struct {
	Access Secret
	// Type is "Bearer", or "DPoP" for a token that is bound to ProofKey.
	Type string
	// ProofKey signs the proofs without which nobody takes a DPoP token (RFC 9449 §7), as the store has it; unset for others.
	ProofKey Secret
	// Expiry is wall time without a monotonic reading; zero means not known.
	Expiry time.Time
	// Lifetime is what the provider gave at the time of minting; 0 means not known.
	Lifetime time.Duration
	Scopes   []string
	IDToken  Secret
	// IDTokenExpiry is zero when there is no ID token.
	IDTokenExpiry time.Time
	// RefreshLate is true if refreshing kills this token: it must then not be refreshed before its time.
	RefreshLate bool
}

// Caller is the program at the other end of the socket, as the kernel names it.
type Caller struct {
	UID int
	// PID is 0 if the system does not say.
	PID int
	// Executable looks up the program's path; it returns "" if the system does not say. Nil means the same.
	Executable func() string
	// Evidence looks up what else the system says, once; it is no more than UID and PID if that is nothing. Nil means the
	// same.
	Evidence func() Evidence
	// Socket is the restricted socket by which it came; nil for the daemon's own.
	Socket *Socket
}

// Program returns the caller's executable, or "".
func (c Caller) Program() string {
	if c.Executable == nil {
		return ""
	}
	return c.Executable()
}

// Known returns what is known of the caller.
func (c Caller) Known() Evidence {
	e := Evidence{UID: c.UID, Process: Process{PID: c.PID}}
	if c.Evidence != nil {
		e = c.Evidence()
	}
	if c.Socket != nil {
		e.Socket = c.Socket.Name
	}
	return e
}

type callerKey struct{}

// WithCaller returns a context that carries c; the socket server attaches it once per connection.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerFrom returns the caller of ctx; ok is false if the daemon acts by itself.
func CallerFrom(ctx context.Context) (c Caller, ok bool) {
	c, ok = ctx.Value(callerKey{}).(Caller)
	return c, ok
}

// CheckName returns an error that says what is wrong with name as an account's name, or nil; see [api.CheckAccountName].
func CheckName(name string) error { return api.CheckAccountName(name) }
