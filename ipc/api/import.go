package api

// Names of the events of an import, in ImportEvent.Event, in addition to [EventDone] and [EventError].
const (
	EventFound       = "found"        // what the data holds; nothing has been sent to the provider yet
	EventLoginNeeded = "login_needed" // the data is only a client: log in with it as client_secrets
)

// ImportRequest is the body of an import request: what another tool has saved, and what that does not say.
type ImportRequest struct {
	// Data is the content of the other tool's file, at most 512 KiB; its format is recognised by its content.
	Data Confidential `json:"data"`
	// As is the account's name; "" for a name made from the data.
	As string `json:"as,omitempty"`
	// Scopes are what the account asks for at its next login; nil means what was granted, according to the data.
	Scopes []string `json:"scopes,omitempty"`
	// Provider, Issuer and ClientID are for data that does not name them; they must not contradict data that does.
	Provider string `json:"provider,omitempty"`
	Issuer   string `json:"issuer,omitempty"`
	ClientID string `json:"client_id,omitempty"`
	// RedirectURI is that of the login, for a provider that wants it at each refresh; "" if it is not known.
	RedirectURI string `json:"redirect_uri,omitempty"`
	// ClientSecret is used instead of the data's.
	ClientSecret Confidential `json:"client_secret,omitempty"`
	// TrustEndpoint sends the credential where the data says it came from. Otherwise it is sent only to a provider in
	// the table, to a loopback address, or to Provider or Issuer.
	TrustEndpoint bool `json:"trust_endpoint,omitempty"`
	// Sole refuses data with more than one credential in it, for a caller that wants to remove the file afterwards.
	Sole bool `json:"sole,omitempty"`
}

// ImportEvent is one line of the answer to an import request. Which fields are set depends on Event.
type ImportEvent struct {
	Event string `json:"event"`

	// Account is the account's name, in every event but an error.
	Account string `json:"account,omitempty"`

	// found
	// Format is the name of what was recognised, for people.
	Format        string   `json:"format,omitempty"`
	Provider      string   `json:"provider,omitempty"`
	Issuer        string   `json:"issuer,omitempty"`
	TokenEndpoint string   `json:"token_endpoint,omitempty"`
	ClientID      string   `json:"client_id,omitempty"`
	HasSecret     bool     `json:"has_client_secret,omitempty"`
	Scopes        []string `json:"scopes,omitempty"`

	// Grant is how the account gets its tokens.
	Grant string `json:"grant,omitempty"`

	// Email and Subject name the person: in a found event according to the data, in a done event according to the
	// provider.
	Email   string `json:"email,omitempty"`
	Subject string `json:"subject,omitempty"`

	// done
	ScopesGranted []string `json:"scopes_granted,omitempty"`
	// Rotated is true if the provider has issued a new refresh token, so that the one in the data is worthless.
	Rotated bool `json:"rotated,omitempty"`
	// Warnings are sentences for the person.
	Warnings []string `json:"warnings,omitempty"`

	// error
	Error *Error `json:"error,omitempty"`
}
