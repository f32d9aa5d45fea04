// Package aws is the endpoint from which AWS' libraries get credentials in a container
// (https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html): they find it by
// AWS_CONTAINER_CREDENTIALS_FULL_URI, and prove by AWS_CONTAINER_AUTHORIZATION_TOKEN that they are meant.
//
// The credentials are in this process' memory alone, for as long as they last.
package aws

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"oauthd/ipc/api"
)

const (
	// Path is where credentials are.
	Path = "/credentials"
	// margin is how long credentials have to last still. The libraries begin to ask for others 15 minutes before the end.
	margin = 15 * time.Minute
)

// Credentials are temporary ones of a role.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	Expiration      time.Time
}

// Source gets new credentials.
type Source func(ctx context.Context) (Credentials, error)

// Tokens is what the server needs of the daemon's client.
type Tokens interface {
	Token(ctx context.Context, r api.TokenRequest) (api.Token, error)
}

// Config says whom the server is for.
type Config struct {
	// Account is the one whose ID token stands behind the credentials, and RoleARN names their role.
	Account, RoleARN string
	// Secret is known by the programs that are meant.
	Secret string
}

// Server hands out credentials. It may be used concurrently.
type Server struct {
	cfg      Config
	tokens   Tokens
	source   Source
	complain func(error)
	now      func() time.Time
	// turn holds the credentials, for one request at a time.
	turn chan Credentials
}

// New returns a server. It calls complain with each error of the daemon's and of source's, and with nil whenever all is
// well.
func New(cfg Config, tokens Tokens, source Source, complain func(error)) *Server {
	s := &Server{cfg: cfg, tokens: tokens, source: source, complain: complain, now: time.Now, turn: make(chan Credentials, 1)}
	s.turn <- Credentials{}
	return s
}

// answer is the answer to a request.
type answer struct {
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	Token           string
	Expiration      time.Time
	RoleArn         string
}

// refusal is the answer if there are no credentials.
type refusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	switch {
	case subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(s.cfg.Secret)) != 1:
		write(w, http.StatusUnauthorized, refusal{"unauthorized", "requests need the header Authorization with the value of AWS_CONTAINER_AUTHORIZATION_TOKEN"})
	case r.URL.Path != Path:
		write(w, http.StatusNotFound, refusal{"not_found", "there is " + Path + " alone"})
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", "GET")
		write(w, http.StatusMethodNotAllowed, refusal{"invalid_request", "this server is only read from"})
	default:
		s.credentials(w, r)
	}
}

func (s *Server) credentials(w http.ResponseWriter, r *http.Request) {
	c, err := s.current(r.Context())
	if r.Context().Err() != nil {
		return // nobody waits for it any more
	}
	s.complain(err)
	if s.last(c, 0) {
		write(w, http.StatusOK, answer{c.AccessKeyID, c.SecretAccessKey, c.SessionToken, c.Expiration.UTC(), s.cfg.RoleARN})
		return
	}
	e := api.AsError(err)
	sentence := "oauthd: " + api.Lines(e.Error())
	if e.Hint != "" {
		sentence += "\nhint: " + api.Lines(e.Hint)
	}
	write(w, e.Code.HTTPStatus(), refusal{string(e.Code), sentence})
}

// current returns credentials. If an error keeps new ones back, those at hand will do until they end, and the error comes
// with them; but not if the daemon would give the account's token to nobody, or not to this program.
func (s *Server) current(ctx context.Context) (Credentials, error) {
	if _, err := s.tokens.Token(ctx, api.TokenRequest{Account: s.cfg.Account, IDToken: true}); withheld(err) {
		return Credentials{}, err
	}
	select {
	case c := <-s.turn:
		var err error
		if !s.last(c, margin) {
			var fresh Credentials
			if fresh, err = s.source(ctx); err == nil {
				c = fresh
			}
		}
		s.turn <- c
		return c, err
	case <-ctx.Done():
		return Credentials{}, ctx.Err()
	}
}

// withheld reports whether err says that tokens of an account are for nobody now, or not for this program.
func withheld(err error) bool {
	return slices.ContainsFunc([]api.Code{
		api.Locked, api.KeystoreLocked, api.LoginRequired, api.SubjectMismatch, api.PolicyDenied, api.UnknownAccount,
	}, func(c api.Code) bool { return errors.Is(err, &api.Error{Code: c}) })
}

// last reports whether c lasts longer than d.
func (s *Server) last(c Credentials, d time.Duration) bool { return c.Expiration.Sub(s.now()) > d }

func write(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}
