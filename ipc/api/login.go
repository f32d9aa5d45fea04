package api

// Names of the events of a login, in LoginEvent.Event.
const (
	EventAuthorize = "authorize" // open URL in a browser
	EventDone      = "done"      // the credential is stored
	EventError     = "error"     // the login has ended without one
)

// LoginEvent is one line of the answer to a login request. Which fields are set depends on Event.
type LoginEvent struct {
	Event string `json:"event"`

	// authorize
	LoginID string `json:"login_id,omitempty"`
	URL     string `json:"url,omitempty"`

	// done
	Email         string   `json:"email,omitempty"`
	Subject       string   `json:"subject,omitempty"`
	Provider      string   `json:"provider,omitempty"`
	ScopesGranted []string `json:"scopes_granted,omitempty"`
	// Warnings are sentences for the person: a scope that was not granted, a refresh token that did not come.
	Warnings []string `json:"warnings,omitempty"`

	// error
	Error *Error `json:"error,omitempty"`
}
