package api

// Names of the events of an import, in ImportEvent.Event, beside [EventDone] and [EventError].
const (
	EventFound       = "found"        // what the data holds; nothing has been sent to the provider yet
	EventLoginNeeded = "login_needed" // the data is a client alone: log in with it as client_secrets
)

// ImportRequest is the body of an import request: what another tool has saved, and what it does not say.
type ImportRequest struct {
	// Data is the content of the other tool's file, at most 512 KiB; its format is recognised by its content.
	Data Confidential `json:"data"`
	// As is the account's name; "" for one made from the data.
	As string `json:"as,omitempty"`
	// Scopes are what the account asks for at its next login; nil for what the data says was granted.
	Scopes []string `json:"scopes,omitempty"`
	// Provider, Issuer and ClientID are for data that does not say them, and must not contradict data that does.
	Provider string `json:"provider,omitempty"`
	Issuer   string `json:"issuer,omitempty"`
	ClientID string `json:"client_id,omitempty"`
	// ClientSecret goes before the data's.
	ClientSecret Confidential `json:"client_secret,omitempty"`
	// TrustEndpoint believes the data's word on where it came from; otherwise only a provider of the table, a loopback
	// address, or Provider or Issuer says where the credential goes.
	TrustEndpoint bool `json:"trust_endpoint,omitempty"`
	// Sole refuses data that holds more than the one credential, for callers that mean to remove its file.
	Sole bool `json:"sole,omitempty"`
}

// ImportEvent is one line of the answer to an import request. Which fields are set depends on Event.
type ImportEvent struct {
	Event string `json:"event"`

	// Account is the account's name, in every event but an error.
	Account string `json:"account,omitempty"`

	// found
	// Format names what was recognised, for people.
	Format        string   `json:"format,omitempty"`
	Provider      string   `json:"provider,omitempty"`
	Issuer        string   `json:"issuer,omitempty"`
	TokenEndpoint string   `json:"token_endpoint,omitempty"`
	ClientID      string   `json:"client_id,omitempty"`
	HasSecret     bool     `json:"has_client_secret,omitempty"`
	Scopes        []string `json:"scopes,omitempty"`

	// Grant is what the account's tokens are had by.
	Grant string `json:"grant,omitempty"`

	// Email and Subject name the person: in a found event as the data has it, in a done event as the provider says.
	Email   string `json:"email,omitempty"`
	Subject string `json:"subject,omitempty"`

	// done
	ScopesGranted []string `json:"scopes_granted,omitempty"`
	// Rotated is true when the provider has given a new refresh token, so that the data's is of no use any more.
	Rotated bool `json:"rotated,omitempty"`
	// Warnings are sentences for the person.
	Warnings []string `json:"warnings,omitempty"`

	// error
	Error *Error `json:"error,omitempty"`
}
