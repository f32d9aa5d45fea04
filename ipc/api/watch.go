package api

import "time"

// Names of the events of a watch, in WatchEvent.Event; an error event ends it.
const (
	EventAccount = "account" // how an account is now: the snapshot first, then every change
	EventToken   = "token"   // a new token is at hand
	EventRemoved = "removed" // the account is no longer there
)

// WatchEvent is one line of the answer to a watch request. Which fields are set depends on Event. There is no field for
// a token itself.
type WatchEvent struct {
	Event string `json:"event"`

	// Account is the account's name, in every event but an error.
	Account string `json:"account,omitempty"`

	// Status is how the account is now.
	Status *Account `json:"status,omitempty"`

	// Scope is what the new token covers, space-separated; Audience and Resource are those it was asked for with.
	Scope    string `json:"scope,omitempty"`
	Audience string `json:"audience,omitempty"`
	Resource string `json:"resource,omitempty"`
	// ExpiresAt is when the new token ends; nil when that is not known.
	ExpiresAt *time.Time `json:"expires_at,omitempty"`

	// Error is why the watch ends.
	Error *Error `json:"error,omitempty"`
}

// ReloadResult tells what reading the configuration again has changed. Its lists hold accounts' names, sorted; none is
// nil.
type ReloadResult struct {
	Added   []string `json:"added"`
	Removed []string `json:"removed"`
	// Changed are those of which any line is another.
	Changed []string `json:"changed"`
	// Dropped are those whose cached tokens were dropped: the removed ones, and the changed ones that now get their
	// tokens from another place or for another client.
	Dropped []string `json:"dropped"`
	// Warnings are sentences for the person: what takes effect with the next start alone.
	Warnings []string `json:"warnings,omitempty"`
}
