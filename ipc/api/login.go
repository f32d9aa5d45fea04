package api

import "time"

// Names of the events of a login, in LoginEvent.Event.
const (
	EventAuthorize = "authorize" // open URL in a browser
	EventDevice    = "device"    // enter UserCode at VerificationURI, on any device (RFC 8628)
	EventNotice    = "notice"    // something the person should know; the login goes on
	EventDone      = "done"      // the credential is stored
	EventError     = "error"     // the login has ended without a credential
)

// LoginEvent is one line of the answer to a login request. Which fields are set depends on Event.
type LoginEvent struct {
	Event string `json:"event"`

	// LoginID is in every event but the last.
	LoginID string `json:"login_id,omitempty"`

	// authorize
	// URL is the provider's, with the whole authorization request in it.
	URL string `json:"url,omitempty"`
	// ShortURL leads to URL, for a browser of this user on this machine, and once. It is for command lines, which every
	// user of the machine can read; "" for a login that is headless.
	ShortURL string `json:"short_url,omitempty"`
	// Registration is what the client must be registered with at the provider, which otherwise shows an error of its own
	// and never sends the browser back. nil if the issuer has registered the client by itself.
	Registration *Registration `json:"registration,omitempty"`
	// RedirectURI is where the redirect server listens.
	RedirectURI string `json:"redirect_uri,omitempty"`
	// CertificateSHA256 is the fingerprint of the redirect server's own certificate, AA:BB:…; "" for plain http.
	CertificateSHA256 string `json:"certificate_sha256,omitempty"`

	// device
	UserCode        string `json:"user_code,omitempty"`
	VerificationURI string `json:"verification_uri,omitempty"`
	// VerificationURIComplete holds the user code too; "" if the provider does not send one.
	VerificationURIComplete string `json:"verification_uri_complete,omitempty"`

	// ExpiresAt is when what an authorize or device event asks for is no longer possible.
	ExpiresAt *time.Time `json:"expires_at,omitempty"`

	// notice
	// Message says what happened, and Hint what to do about it.
	Message string `json:"message,omitempty"`
	Hint    string `json:"hint,omitempty"`

	// done
	Email         string   `json:"email,omitempty"`
	Subject       string   `json:"subject,omitempty"`
	Provider      string   `json:"provider,omitempty"`
	Grant         string   `json:"grant,omitempty"`
	ScopesGranted []string `json:"scopes_granted,omitempty"`
	// ScopesDenied were asked for but not granted; ScopesExtra were granted without being asked for.
	ScopesDenied []string `json:"scopes_denied,omitempty"`
	ScopesExtra  []string `json:"scopes_extra,omitempty"`
	// Warnings are sentences for the person: about a scope that was not granted, for example, or a missing refresh
	// token.
	Warnings []string `json:"warnings,omitempty"`

	// error
	Error *Error `json:"error,omitempty"`
}

// Callback is the body of a callback request: the authorization response that a person pasted.
type Callback struct {
	// URL is the address that the browser was sent to, or only the code and state in it.
	URL Confidential `json:"url"`
}

// Registration is what an authorization request says of its client, and where the client is registered.
type Registration struct {
	Provider string `json:"provider"`
	ClientID string `json:"client_id"`
	// RedirectURI is the one to register; it lacks the port if any port will do.
	RedirectURI string `json:"redirect_uri"`
	// URL is the page at the provider, DocsURL the one that explains it, and Steps are what to do there, in order; "" and
	// nil if they are not known.
	URL     string   `json:"url,omitempty"`
	DocsURL string   `json:"docs_url,omitempty"`
	Steps   []string `json:"steps,omitempty"`
}
