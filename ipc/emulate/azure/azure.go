// Package azure is the managed identity of an Azure App Service, as far as programs get their tokens from it
// (https://learn.microsoft.com/azure/app-service/overview-managed-identity): every library of Azure's finds it by
// IDENTITY_ENDPOINT, and proves by IDENTITY_HEADER that it is meant.
package azure

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"oauthd/ipc/api"
)

const (
	version = "2019-08-01"
	// Path is where tokens are.
	Path = "/msi/token"
	// minTTL is how long a token should live still, in seconds. The libraries take no token from their caches that ends
	// within 300 s, and would ask each time for one with less.
	minTTL = 420
	// unknownTTL is how long a token is said to live if nobody knows: so short that every library asks again.
	unknownTTL = time.Minute
)

// Tokens is what the server needs of the daemon's client.
type Tokens interface {
	Token(ctx context.Context, r api.TokenRequest) (api.Token, error)
}

// Config says whom the server is for. It crosses to another process as JSON.
type Config struct {
	// Request names the account.
	Request api.TokenRequest `json:"request"`
}

// Server answers token requests. It may be used concurrently.
type Server struct {
	cfg      Config
	secret   string
	tokens   Tokens
	complain func(error)
}

// New returns a server for programs that know secret. It calls complain with each error that the daemon gives, and with
// nil whenever it gives a token.
func New(cfg Config, secret string, tokens Tokens, complain func(error)) *Server {
	return &Server{cfg, secret, tokens, complain}
}

// token is the answer to a request.
type token struct {
	AccessToken string `json:"access_token"`
	ExpiresOn   string `json:"expires_on"` // since 1970, in seconds
	Resource    string `json:"resource"`
	TokenType   string `json:"token_type"`
}

// refusal is the answer if there is no token. Each library shows another of its members.
type refusal struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
	Message     string `json:"message"`
}

// ServeHTTP implements [http.Handler]. The program may name an identity by client_id and the like: it gets the account's
// tokens whatever it names.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	query := r.URL.Query()
	resource := query.Get("resource")
	switch {
	case subtle.ConstantTimeCompare([]byte(r.Header.Get("X-IDENTITY-HEADER")), []byte(s.secret)) != 1:
		refuse(w, http.StatusUnauthorized, "unauthorized", "requests need the header X-IDENTITY-HEADER with the value of IDENTITY_HEADER")
	case r.URL.Path != Path:
		refuse(w, http.StatusNotFound, "not_found", "there is "+Path+" alone")
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", "GET")
		refuse(w, http.StatusMethodNotAllowed, "invalid_request", "this server is only read from")
	case query.Get("api-version") != version:
		refuse(w, http.StatusBadRequest, "invalid_request", "the api-version has to be "+version)
	case !isResource(resource):
		refuse(w, http.StatusBadRequest, "invalid_request", "a request for a token needs ?resource=")
	default:
		s.token(w, r, resource)
	}
}

// isResource reports whether text can be part of a scope (RFC 6749 appendix A.4).
func isResource(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '\\' })
}

// token answers with a token for what was granted of resource.
func (s *Server) token(w http.ResponseWriter, r *http.Request, resource string) {
	request := s.cfg.Request
	request.Scope = resource + "/.default"
	if request.MinTTL == nil || *request.MinTTL < minTTL {
		request.MinTTL = new(int64(minTTL))
	}
	t, err := s.tokens.Token(r.Context(), request)
	if err == nil && strings.IndexFunc(t.AccessToken, func(c rune) bool { return c <= ' ' || c > '~' }) >= 0 {
		err = &api.Error{Code: api.ProviderRejected, Message: "the provider's token has a character that no token may have", Hint: "log in again: oauthd login " + request.Account}
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.complain(nil)
	expires := time.Now().Add(unknownTTL)
	if t.ExpiresAt != nil {
		expires = *t.ExpiresAt
	}
	write(w, http.StatusOK, token{t.AccessToken, strconv.FormatInt(expires.Unix(), 10), resource, "Bearer"})
}

// fail answers with an error of the daemon's.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // nobody waits for it any more
	}
	s.complain(err)
	e := api.AsError(err)
	status := e.Code.HTTPStatus()
	if status == http.StatusNotFound {
		status = http.StatusForbidden // the libraries take that for a server that is not up yet, and go on asking
	}
	// Without Retry-After: a library would sleep for that long without a word.
	sentence := "oauthd: " + api.Lines(e.Error())
	if e.Hint != "" {
		sentence += "\nhint: " + api.Lines(e.Hint)
	}
	refuse(w, status, string(e.Code), sentence)
}

func refuse(w http.ResponseWriter, status int, code, sentence string) {
	write(w, status, refusal{code, sentence, sentence})
}

func write(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}
