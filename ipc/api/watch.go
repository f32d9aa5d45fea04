package api

import "time"

// Names of the events of a watch, in WatchEvent.Event; an error event ends it.
const (
	EventAccount = "account" // the state of an account: first as it is, then after each change
	EventToken   = "token"   // there is a new token
	EventRemoved = "removed" // the account was removed
)

// WatchEvent is one line of the answer to a watch request. Which fields are set depends on Event. There is no
// field for the token itself.
type WatchEvent struct {
	Event string `json:"event"`

	// Account is the account's name, in every event but an error.
	Account string `json:"account,omitempty"`

	// Status is the state of the account.
	Status *Account `json:"status,omitempty"`

	// Scope is the space-separated list of what the new token covers; Audience and Resource are those of its request.
	Scope    string `json:"scope,omitempty"`
	Audience string `json:"audience,omitempty"`
	Resource string `json:"resource,omitempty"`
	// ExpiresAt is when the new token ends; nil if that is not known.
	ExpiresAt *time.Time `json:"expires_at,omitempty"`

	// Error says why the watch ends.
	Error *Error `json:"error,omitempty"`
}

// ReloadResult says what has changed since the configuration was read before. Its lists are names of accounts, sorted;
// none is nil.
type ReloadResult struct {
	Added   []string `json:"added"`
	Removed []string `json:"removed"`
	// Changed are those with any change in their file.
	Changed []string `json:"changed"`
	// Dropped are those whose cached tokens were dropped: all that were removed, and those that changed where their
	// tokens come from, or for which client.
	Dropped []string `json:"dropped"`
	// Warnings are sentences for the person, about what takes effect only when the daemon starts again.
	Warnings []string `json:"warnings,omitempty"`
}
