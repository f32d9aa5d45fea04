package gce

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"oauthd/ipc/api"
)

// identity answers …/identity?audience=A with an ID token for that audience. An account that has none for it gets 404, on
// which gcloud and the libraries do without.
func (s *Server) identity(w http.ResponseWriter, r *http.Request) {
	audience := r.URL.Query().Get("audience")
	if audience == "" {
		say(w, http.StatusBadRequest, "a request for an identity needs ?audience=")
		return
	}
	t, err := s.idToken(r.Context(), audience)
	switch {
	case err == nil && slices.Contains(audiences(t), audience):
		s.complain(nil)
		w.Header().Set("Content-Type", "text/html") // as Google's server says
		_, _ = w.Write([]byte(t))
	case err == nil || cannot(err):
		say(w, http.StatusNotFound, "oauthd: "+s.cfg.Request.Account+" can get no ID token for "+api.Excerpt(audience)+
			"\nhint: only a service account can get one for any audience")
	default:
		s.fail(w, r, err)
	}
}

// idToken asks for an ID token for audience or, if audiences cannot be chosen, for the one that there is.
func (s *Server) idToken(ctx context.Context, audience string) (string, error) {
	request := s.cfg.Request
	request.IDToken, request.Audience, request.Scope = true, audience, ""
	t, err := s.tokens.Token(ctx, request)
	if cannot(err) {
		request = s.cfg.Request
		request.IDToken = true
		t, err = s.tokens.Token(ctx, request)
	}
	return t.IDToken, err
}

// cannot reports whether err says that an account has no such token, whoever asks and however often.
func cannot(err error) bool {
	return slices.ContainsFunc([]api.Code{api.Unsupported, api.BadRequest, api.ScopeNotGranted, api.ProviderRejected}, func(c api.Code) bool {
		return errors.Is(err, &api.Error{Code: c})
	})
}

// audiences returns whom an ID token says that it is for (RFC 7519 §4.1.3). It does not verify the token: that is for
// those whom it is for.
func audiences(token string) []string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil
	}
	var claims struct {
		Audience json.RawMessage `json:"aud"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return nil
	}
	var one string
	if json.Unmarshal(claims.Audience, &one) == nil {
		return []string{one}
	}
	var several []string
	_ = json.Unmarshal(claims.Audience, &several)
	return several
}
