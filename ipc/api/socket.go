package api

import "time"

// SocketRequest asks for a restricted socket: it serves tokens and changes of one account, and nothing else.
type SocketRequest struct {
	// Path is absolute; its directory must belong to nobody else.
	Path    string `json:"path"`
	Account string `json:"account"`
	// Scopes and Audiences are all that a token from it may be for; nil for whatever the account has.
	Scopes    []string `json:"scopes,omitzero"`
	Audiences []string `json:"audiences,omitzero"`
	// TTL is for how many seconds it serves; 0 until the daemon stops.
	TTL int64 `json:"ttl,omitempty"`
	// Max is how many tokens it hands out; 0 for any number.
	Max int `json:"max,omitempty"`
	// Exe is a pattern that the caller's program must match; "" for any.
	Exe string `json:"exe,omitempty"`
	// UID is the user whose programs may connect; nil for ours.
	UID *int `json:"uid,omitempty"`
	// Keep writes the socket into the account's file, so that the next daemon serves it too.
	Keep bool `json:"keep,omitempty"`
}

// Socket is a restricted socket that is served.
type Socket struct {
	Path      string    `json:"path"`
	Account   string    `json:"account"`
	Scopes    []string  `json:"scopes,omitzero"`
	Audiences []string  `json:"audiences,omitzero"`
	Max       int       `json:"max,omitempty"`
	Exe       string    `json:"exe,omitempty"`
	UID       int       `json:"uid"`
	CreatedAt time.Time `json:"created_at"`
	// ExpiresAt is when it ends; nil when the daemon stops.
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	// Given is how many tokens it has handed out.
	Given int `json:"given"`
	// Kept is true if the next daemon serves it too. Add is what a person has to add to File for that, if that is theirs.
	Kept bool   `json:"kept,omitempty"`
	Add  string `json:"add,omitempty"`
	File string `json:"file,omitempty"`
}
