package api

import "time"

// FileRequest is the body of POST /v1/files: which token is to be written where, and how.
type FileRequest struct {
	// Account, Scope, Audience, Resource, MinTTL and IDToken are as in a [TokenRequest].
	Account  string `json:"account"`
	Scope    string `json:"scope,omitempty"`
	Audience string `json:"audience,omitempty"`
	Resource string `json:"resource,omitempty"`
	MinTTL   *int64 `json:"min_ttl,omitempty"`
	IDToken  bool   `json:"id_token,omitempty"`
	// Path is absolute. "" means a new file in the runtime directory, which is the caller's: it is maintained for as long
	// as the calling process lives, whatever program that becomes.
	Path string `json:"path,omitempty"`
	// Replace allows a file at Path that oauthd did not write; it is replaced.
	Replace bool `json:"replace,omitempty"`
	// Format, Template, User, Host and Port are as in a [Form].
	Format   string `json:"format,omitempty"`
	Template string `json:"template,omitempty"`
	User     string `json:"user,omitempty"`
	Host     string `json:"host,omitempty"`
	Port     int64  `json:"port,omitempty"`
	// OnChange is a command for the system's shell, run after each change of the file; "" for none.
	OnChange string `json:"on_change,omitempty"`
}

// Token returns the request for the file's token.
func (r FileRequest) Token() TokenRequest {
	return TokenRequest{
		Account: r.Account, Scope: r.Scope, Audience: r.Audience, Resource: r.Resource, MinTTL: r.MinTTL,
		IDToken: r.Form().WantsIDToken(),
	}
}

// Form returns how the file's token is written.
func (r FileRequest) Form() Form {
	return Form{Format: r.Format, Template: r.Template, User: r.User, Host: r.Host, Port: r.Port, IDToken: r.IDToken}
}

// File is a file that the daemon maintains.
type File struct {
	Path    string `json:"path"`
	Account string `json:"account"`
	Scope   string `json:"scope,omitempty"`
	Format  string `json:"format,omitempty"`
	// OnChange is the command that is run after a change; OnChangeError is how its last run failed, "" if it did not.
	OnChange      string `json:"on_change,omitempty"`
	OnChangeError string `json:"on_change_error,omitempty"`
	// PID is the process that the file lives as long as; 0 for one that lives as long as the daemon.
	PID int `json:"pid,omitempty"`
	// WrittenAt is when the file changed last, nil if there is none now. ExpiresAt is when its token ends, nil if that
	// is not known.
	WrittenAt *time.Time `json:"written_at,omitempty"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	// LastError is why the file is missing or not up to date; nil if it is.
	LastError *Error `json:"last_error,omitempty"`
}
