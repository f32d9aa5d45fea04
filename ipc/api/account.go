package api

import (
	"fmt"
	"strings"
	"time"
)

// State says whether an account has tokens to give.
type State string

const (
	StateReady         State = "ready"          // it has tokens to give
	StateLoginRequired State = "login_required" // a person has to log in
	StateError         State = "error"          // the last refresh failed; see LastError
	StateLocked        State = "locked"         // the store or oauthd is locked
)

// Account is what callers may know about an account.
type Account struct {
	Name     string `json:"name"`
	Provider string `json:"provider"`
	Tenant   string `json:"tenant,omitempty"`
	// Issuer is the provider's, as far as that is known without asking it; "" if it has none.
	Issuer   string `json:"issuer,omitempty"`
	ClientID string `json:"client_id,omitempty"`
	Grant    string `json:"grant"`
	// Via is the account whose login its tokens come from; "" for one with a login of its own.
	Via   string `json:"via,omitempty"`
	State State  `json:"state"`
	// Degraded is true while a rotated credential is only in memory, because the store did not take it.
	Degraded bool `json:"degraded"`
	// Refreshing is true while the provider is being asked.
	Refreshing bool `json:"refreshing"`
	// Subject and Email name the person who logged in; "" if the provider did not say, or nobody has logged in.
	Subject         string   `json:"subject,omitempty"`
	Email           string   `json:"email,omitempty"`
	ScopesRequested []string `json:"scopes_requested"`
	ScopesGranted   []string `json:"scopes_granted"`
	// ScopesLost are the scopes that the login brought and that refreshed tokens no longer have.
	ScopesLost []string `json:"scopes_lost,omitempty"`
	// MissingSince is since when the store has had no credential although nobody has logged out; nil if it has one, or
	// nobody was logged in.
	MissingSince *time.Time `json:"missing_since,omitempty"`
	// ExpiresAt is when the current access token ends; nil if there is none, or if its end is not known.
	ExpiresAt     *time.Time `json:"expires_at,omitempty"`
	NextRefreshAt *time.Time `json:"next_refresh_at,omitempty"`
	// LoginEndsAt is when the login will end, and LoginEndsReason says why, in one sentence; nil and "" if that is not
	// known.
	LoginEndsAt     *time.Time `json:"login_ends_at,omitempty"`
	LoginEndsReason string     `json:"login_ends_reason,omitempty"`
	// LoginProlonged is true if oauthd itself will put off that end in time, as things stand.
	LoginProlonged bool `json:"login_prolonged,omitempty"`
	// LoginAsked is true while a person is being asked to log in, and LoginCallers is how many callers wait for that.
	LoginAsked   bool `json:"login_asked,omitempty"`
	LoginCallers int  `json:"login_callers,omitempty"`

	LastError *Error `json:"last_error,omitempty"`
	// Hosts are the patterns in its file of the places where its tokens may be used; none mean those of its provider.
	Hosts []string `json:"hosts,omitempty"`
	// File is the account's configuration file.
	File string `json:"file,omitempty"`
}

// AccountDefinition is the body of a login request: it defines a new account, or says what changes about one that
// exists. A zero field leaves things as they are; for a new account it means the provider's default.
type AccountDefinition struct {
	Provider string `json:"provider,omitempty"`
	// Tenant fills in the URLs of a provider that has them per tenant or domain.
	Tenant   string `json:"tenant,omitempty"`
	Issuer   string `json:"issuer,omitempty"`
	ClientID string `json:"client_id,omitempty"`
	// ClientIDMetadata is the URL of a document that describes the client, for servers that take it as the client's id
	// (draft-ietf-oauth-client-id-metadata-document). Others register a client.
	ClientIDMetadata string `json:"client_id_metadata,omitempty"`
	// ClientSecret goes to the store, never to a file.
	ClientSecret Confidential `json:"client_secret,omitempty"`
	// ClientSecrets is the content of Google's client_secrets.json.
	ClientSecrets Confidential `json:"client_secrets,omitempty"`
	// Key is the text of a private key: a client's, as PEM or JWK (RFC 7523 §2.2), or the JSON of a Google service
	// account. It goes to the store, never to a file. KeyID is the id of a client's key, if its text does not contain
	// one.
	Key    Confidential `json:"key,omitempty"`
	KeyID  string       `json:"key_id,omitempty"`
	Scopes []string     `json:"scopes,omitempty"`
	Grant  string       `json:"grant,omitempty"`
	// Via is the account whose login is exchanged for this one's tokens (RFC 8693); it means the grant identity_assertion.
	Via string `json:"via,omitempty"`
	// Subject is the person a service account acts for; Audience is what the
	// tokens of a grant without a person are for.
	Subject  string `json:"subject,omitempty"`
	Audience string `json:"audience,omitempty"`
	// Headless means that no browser can be opened for the person, so that the device grant is used if the provider has
	// one. It is not saved.
	Headless bool `json:"headless,omitempty"`
	// Resource is a resource indicator for the grant (RFC 8707).
	Resource string `json:"resource,omitempty"`
	// DPoP binds the tokens to a key that never leaves the daemon (RFC 9449).
	DPoP        bool              `json:"dpop,omitempty"`
	RedirectURI string            `json:"redirect_uri,omitempty"`
	AuthParams  map[string]string `json:"auth_params,omitempty"`
	// ACRValues and MaxAge are those parameters of the authorization request (RFC 9470 §4); "" and nil leave them out. They
	// are not saved.
	ACRValues string `json:"acr_values,omitempty"`
	MaxAge    *int64 `json:"max_age,omitempty"`
	// Join shares a login of this account that is under way, instead of ending it, and needs none if there has been one
	// meanwhile. It is not saved.
	Join bool `json:"join,omitempty"`
	// Timeout is how many seconds the login may take; 0 means 300.
	Timeout int64 `json:"timeout,omitempty"`
	// Force accepts a different person than the one who logged in before.
	Force bool `json:"force,omitempty"`
}

// Confidential is text from a caller that must not be shown anywhere: it crosses the socket as it is, and prints as
// [redacted].
type Confidential string

// Format implements [fmt.Formatter]; every verb prints [redacted].
func (Confidential) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[redacted]")) }

// LogoutResult says what a logout has done.
type LogoutResult struct {
	// Revoked is true if the provider confirmed that the grant has ended (RFC 7009).
	Revoked bool `json:"revoked"`
	// Detail says why the provider did not revoke the grant; "" if it did.
	Detail string `json:"detail,omitempty"`
}

// Status describes the daemon.
type Status struct {
	PID     int    `json:"pid"`
	Version string `json:"version"`
	// Upgrade is set while another program is where the daemon's own was: it takes over when nobody notices.
	Upgrade   *Upgrade  `json:"upgrade,omitempty"`
	StartedAt time.Time `json:"started_at"`
	// StartedBy says who started the daemon: "terminal", "auto" (a client that found none running) or "systemd".
	StartedBy string `json:"started_by,omitempty"`
	Socket    string `json:"socket"`
	// OIDCSocket is where oidc-agent's clients are answered; "" unless config.toml asks for that. OIDCProblem says why nobody
	// answers there; "" if somebody does.
	OIDCSocket  string `json:"oidc_socket,omitempty"`
	OIDCProblem string `json:"oidc_problem,omitempty"`
	// Proxied is true if the daemon was started with a proxy in its environment.
	Proxied  bool      `json:"proxied"`
	Store    Store     `json:"store"`
	Accounts []Account `json:"accounts"`
	// Callers are the programs that were given tokens last, the newest first: one entry for each process and account.
	Callers []Caller `json:"callers,omitempty"`
	// Questions are those that wait for a person: may a program use an account?
	Questions []Question `json:"questions,omitempty"`
}

// Caller is a program that was given a token.
type Caller struct {
	PID int `json:"pid"`
	// Executable is the path of its program; "" if the system does not show it.
	Executable string `json:"executable,omitempty"`
	Account    string `json:"account"`
	// At is when one of its connections first asked for the account.
	At time.Time `json:"at"`
}

// Store is where credentials are stored.
type Store struct {
	// Backend is "keychain", "file" or "memory".
	Backend string `json:"backend"`
	// Identity is the path of the age identities that open the file store, and Seal what seals its key instead; both
	// "" if a passphrase opens it.
	Identity string `json:"identity,omitempty"`
	Seal     string `json:"seal,omitempty"`
	// Chosen is true if config.toml names the backend.
	Chosen bool `json:"chosen,omitempty"`
	// State is "ok", "locked" or "unavailable", at the time of the request.
	State string `json:"state"`
	// Detail says what is wrong; "" if nothing is.
	Detail string `json:"detail,omitempty"`
	// Needs is what unlock asks a person for: "passphrase", "new_passphrase" if the store is opened for the first time,
	// "pin" if the plugin of an age identity has asked for one, or "" if it asks for nothing.
	Needs string `json:"needs,omitempty"`
}

// StoreChoice is the body of a request that chooses the store.
type StoreChoice struct {
	// Backend is "keychain", "file" or "memory".
	Backend string `json:"backend"`
	// Identity is the absolute path of the age identities that are to open the file store, and Seal "systemd-creds" to
	// have this machine open it; both "" for a passphrase.
	Identity string `json:"identity,omitempty"`
	Seal     string `json:"seal,omitempty"`
}

// StoreChosen says what became of a choice.
type StoreChosen struct {
	// File is the configuration file that names the store, and Line the line that does.
	File string `json:"file"`
	Line int    `json:"line"`
	// Restarting is true if the daemon begins anew to use the store; false if it uses it already.
	Restarting bool `json:"restarting"`
}

// UnlockRequest is the body of an unlock request.
type UnlockRequest struct {
	// Passphrase opens the store; "" if it needs none.
	Passphrase Confidential `json:"passphrase,omitempty"`
}

// CheckAccountName returns a [BadRequest] error that says what is wrong with name, or nil. A name has 1 to 63
// characters out of a-z 0-9 . _ @ + -, starts with a letter or digit, and is not one of Windows' device names, which
// could not be a file there.
func CheckAccountName(name string) error {
	if !wellFormed(name) {
		return &Error{
			Code:    BadRequest,
			Message: fmt.Sprintf("%q cannot be an account name", Excerpt(name)),
			Hint:    "use 1 to 63 characters out of a-z 0-9 . _ @ + -, and start with a letter or digit",
		}
	}
	stem, _, _ := strings.Cut(name, ".")
	device := stem == "con" || stem == "prn" || stem == "aux" || stem == "nul" ||
		len(stem) == 4 && (strings.HasPrefix(stem, "com") || strings.HasPrefix(stem, "lpt")) && stem[3] >= '1' && stem[3] <= '9'
	if device {
		return &Error{Code: BadRequest, Message: fmt.Sprintf("%q is the name of a device on Windows", name), Hint: "choose another account name"}
	}
	return nil
}

// wellFormed matches ^[a-z0-9][a-z0-9._@+-]{0,62}$. It is written by hand because it runs for every token, and every
// client would compile a regular expression each time it starts.
func wellFormed(name string) bool {
	if name == "" || len(name) > 63 {
		return false
	}
	for i := range len(name) {
		c := name[i]
		first := 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
		if !first && (i == 0 || strings.IndexByte("._@+-", c) < 0) {
			return false
		}
	}
	return true
}

// Moment returns t as it crosses the socket: in UTC and whole seconds, nil if it is not known.
func Moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}

// Upgrade is the program that takes a running daemon's place.
type Upgrade struct {
	// Version is its version, or "" if it cannot be run.
	Version string `json:"version,omitempty"`
	// Waiting says why it cannot take over now; "" means that it does at the next idle moment.
	Waiting string `json:"waiting,omitempty"`
}
