package gce

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"oauthd/ipc/api"
)

const (
	// minTTL is how long a token should live still, in seconds. Google's libraries ask for another one 225 to 360 s before
	// its end, and would ask each time for one with less.
	minTTL = 420
	// unknownTTL is what a token is said to live for if nobody knows, in seconds: so short that every library asks again.
	unknownTTL = 60
)

// accessToken is the answer to a token request (RFC 6749 §5.1).
type accessToken struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int64  `json:"expires_in"`
	TokenType   string `json:"token_type"`
}

// token answers …/token, and …/token?scopes=A,B.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	t, err := s.accessToken(r.Context(), scopes(r))
	if err == nil && !fitsHeader(t.AccessToken) {
		err = &api.Error{Code: api.ProviderRejected, Message: "the provider's token has a character that no token may have", Hint: "log in again: oauthd login " + s.cfg.Request.Account}
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.complain(nil)
	left := int64(unknownTTL)
	if t.ExpiresIn != nil {
		left = *t.ExpiresIn
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(accessToken{t.AccessToken, left, cmp.Or(t.TokenType, "Bearer")})
}

// accessToken asks for a token that covers scopes. If these were not granted it covers what was, as on a machine, whose
// scopes were chosen when it was made: libraries ask for all that their service knows, and are content with one of it.
func (s *Server) accessToken(ctx context.Context, scopes string) (api.Token, error) {
	request := s.cfg.Request
	request.MinTTL = new(max(minTTL, s.wantedTTL()))
	if scopes != "" {
		narrow := request
		narrow.Scope = scopes
		t, err := s.tokens.Token(ctx, narrow)
		if !errors.Is(err, &api.Error{Code: api.ScopeNotGranted}) {
			return t, err
		}
	}
	return s.tokens.Token(ctx, request)
}

// wantedTTL is how many seconds the person wants a token to live.
func (s *Server) wantedTTL() int64 {
	if s.cfg.Request.MinTTL == nil {
		return 0
	}
	return *s.cfg.Request.MinTTL
}

// scopes returns the scopes that a request asks for, separated by spaces; the libraries use commas.
func scopes(r *http.Request) string {
	return strings.Join(strings.FieldsFunc(strings.Join(r.URL.Query()["scopes"], ","), func(c rune) bool {
		return c == ',' || c == ' '
	}), " ")
}

// fitsHeader reports whether a token can be sent in a header without ending it (RFC 6750 §2.1).
func fitsHeader(token string) bool {
	return token != "" && strings.IndexFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }) < 0
}

// fail answers with an error of the daemon's, in words that the libraries show.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // nobody waits for it any more
	}
	s.complain(err)
	e := api.AsError(err)
	status := e.Code.HTTPStatus()
	if status == http.StatusNotFound {
		// Go's library takes that for a value that a machine does not have, and drops the sentence.
		status = http.StatusForbidden
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(e.RetryAfter))
	}
	sentence := "oauthd: " + api.Lines(e.Error())
	if e.Hint != "" {
		sentence += "\nhint: " + api.Lines(e.Hint)
	}
	say(w, status, sentence)
}
