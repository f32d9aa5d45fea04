// Package gce is the metadata server of Google's machines, as far as programs get their tokens from it: a program that
// runs beside it finds an account of the daemon's where it would find its machine's service account.
//
// Google documents it at https://cloud.google.com/compute/docs/metadata. It never hands out more than the daemon does for
// the same request, and never says that a token lives for longer than it does.
package gce

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"oauthd/ipc/api"
)

// Tokens is what the server needs of the daemon's client.
type Tokens interface {
	Token(ctx context.Context, r api.TokenRequest) (api.Token, error)
}

// Config says whom the server is for. It crosses to another process as JSON.
type Config struct {
	// Request names the account, and may say which tokens a program gets that asks for none in particular.
	Request api.TokenRequest `json:"request"`
	// Email is what the service account is called, besides default; "" means the account's name.
	Email string `json:"email,omitempty"`
	// Scopes are what was granted.
	Scopes []string `json:"scopes,omitempty"`
	// Project is the project's id; "" if it is not known.
	Project string `json:"project,omitempty"`
	// Universe is the domain of Google's interfaces; "" means googleapis.com.
	Universe string `json:"universe,omitempty"`
}

// Server is the metadata server. It may be used concurrently.
type Server struct {
	cfg      Config
	tokens   Tokens
	complain func(error)
	root     directory
}

// New returns a server. It calls complain with each error that the daemon gives, and with nil whenever it gives a token.
func New(cfg Config, tokens Tokens, complain func(error)) *Server {
	if cfg.Email == "" {
		cfg.Email = cfg.Request.Account
	}
	if cfg.Universe == "" {
		cfg.Universe = "googleapis.com"
	}
	s := &Server{cfg: cfg, tokens: tokens, complain: complain}
	s.root = directory{{"computeMetadata", directory{{"v1", s.tree()}}}}
	return s
}

// tree returns what is below /computeMetadata/v1/.
func (s *Server) tree() directory {
	account := directory{
		{"aliases", lines{"default"}},
		{"email", text(s.cfg.Email)},
		{"identity", answer(s.identity)},
		{"scopes", lines(s.cfg.Scopes)},
		{"token", answer(s.token)},
	}
	project := directory{{"numeric-project-id", number(numeric(s.cfg.Project))}}
	if s.cfg.Project != "" {
		project = append(project, entry{"project-id", text(s.cfg.Project)})
	}
	return directory{
		{"instance", directory{
			{"service-accounts", directory{{"default", account}, {s.cfg.Email, account}}},
		}},
		{"project", project},
		{"universe", directory{{"universe-domain", text(s.cfg.Universe)}}},
	}
}

// numeric returns a project's number. Only Google knows it, but gcloud takes what has none in digits for no machine of
// Google's.
func numeric(project string) int64 {
	n, _ := strconv.ParseInt(project, 10, 64)
	return max(n, 0)
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Metadata-Flavor", "Google") // by which programs know that they have found it
	h.Set("Server", "Metadata Server for VM")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	switch {
	case r.Header.Get("Metadata-Flavor") != "Google":
		say(w, http.StatusForbidden, "requests need the header Metadata-Flavor: Google")
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		say(w, http.StatusMethodNotAllowed, "this server is only read from")
		return
	}
	n := s.root.find(strings.Split(strings.Trim(r.URL.Path, "/"), "/"))
	if n == nil {
		say(w, http.StatusNotFound, "oauthd has no "+api.Excerpt(r.URL.Path)+" to give")
		return
	}
	if dynamic, ok := n.(answer); ok {
		dynamic(w, r)
		return
	}
	show(w, r, n)
}

// say writes a sentence.
func say(w http.ResponseWriter, status int, sentence string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(sentence + "\n"))
}
