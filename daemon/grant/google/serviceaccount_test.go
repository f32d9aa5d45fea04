package google

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"oauthd/daemon/grant"
)

// tokenService takes assertions as Google's token endpoint does.
type tokenService struct {
	endpoint string
	mu       sync.Mutex // guards claims
	claims   []map[string]any
}

func newTokenService(t *testing.T) *tokenService {
	s := &tokenService{}
	s.endpoint = serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		header, claims := verified(t, r.PostForm.Get("assertion"))
		if header["kid"] != "kid-1" || header["alg"] != "RS256" || header["typ"] != "JWT" || len(r.PostForm) != 2 ||
			r.PostForm.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
			t.Errorf("got header %v and %d parameters, want a JWT bearer grant", header, len(r.PostForm))
		}
		s.mu.Lock()
		s.claims = append(s.claims, claims)
		s.mu.Unlock()
		if audience, ok := claims["target_audience"].(string); ok {
			say(200, "application/json", `{"id_token":"`+idTokenUntil(then.Add(time.Hour), `,"aud":"`+audience+`"`)+`"}`)(w, r)
			return
		}
		say(200, "application/json", `{"access_token":"ya29.sa","expires_in":3599,"token_type":"Bearer"}`)(w, r)
	})
	return s
}

func (s *tokenService) asked() []map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.claims
}

func TestServiceAccount(t *testing.T) {
	for _, tc := range []struct {
		name    string
		ask     ServiceAccountRequest
		claims  []map[string]any // beyond iss, aud, iat, exp
		access  bool
		idToken bool
	}{
		{"scopes", ServiceAccountRequest{Scopes: []string{"a", "b"}}, []map[string]any{{"scope": "a b"}}, true, false},
		{"for a person", ServiceAccountRequest{Scopes: []string{"a"}, Subject: "ada@example.com"},
			[]map[string]any{{"scope": "a", "sub": "ada@example.com"}}, true, false},
		{"ID token", ServiceAccountRequest{Audience: "https://api.example.com", IDToken: true},
			[]map[string]any{{"target_audience": "https://api.example.com"}}, false, true},
		{"both", ServiceAccountRequest{Scopes: []string{"a"}, Audience: "https://api.example.com", IDToken: true},
			[]map[string]any{{"scope": "a"}, {"target_audience": "https://api.example.com"}}, true, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			service := newTokenService(t)
			tc.ask.Account = serviceAccountOf(t, map[string]any{"token_uri": service.endpoint})
			c := Client{Grants: &grant.Client{Now: at(then)}}
			resp, err := c.ServiceAccount(t.Context(), tc.ask)
			if err != nil {
				t.Fatal(err)
			}
			if got := service.asked(); len(got) != len(tc.claims) {
				t.Fatalf("got %d requests, want %d", len(got), len(tc.claims))
			}
			for i, want := range tc.claims {
				got := service.asked()[i]
				issued, expires := time.Unix(int64(got["iat"].(float64)), 0), time.Unix(int64(got["exp"].(float64)), 0)
				if !issued.Before(then) || then.Sub(issued) > 5*time.Minute || expires.Sub(issued) > time.Hour || !expires.After(then) {
					t.Errorf("times: got %v to %v, want at most an hour, from a little before %v", issued, expires, then)
				}
				if got["iss"] != robot || got["aud"] != service.endpoint || len(got) != 4+len(want) {
					t.Errorf("claims: got %v, want those of %v", got, want)
				}
				for name, value := range want {
					if got[name] != value {
						t.Errorf("%s: got %v, want %v", name, got[name], value)
					}
				}
			}
			if resp.Token.Access.IsZero() == tc.access || resp.IDToken.IsZero() == tc.idToken || !resp.Token.IDToken.Equal(resp.IDToken) {
				t.Errorf("got access token %t, ID token %t; want %t, %t",
					!resp.Token.Access.IsZero(), !resp.IDToken.IsZero(), tc.access, tc.idToken)
			}
			if tc.access && !resp.Token.Expiry.Equal(then.Add(3599*time.Second)) || tc.idToken && !resp.Token.IDTokenExpiry.Equal(then.Add(time.Hour)) {
				t.Errorf("expiries: got %v, %v", resp.Token.Expiry, resp.Token.IDTokenExpiry)
			}
		})
	}
}

func TestServiceAccountSignsForAnAudience(t *testing.T) {
	c := Client{Grants: &grant.Client{Now: at(then), HTTP: &http.Client{Transport: tripper(func(*http.Request) (*http.Response, error) {
		t.Error("a request was sent")
		return nil, errors.New("no network")
	})}}}
	// A token_uri that nobody trusts does not matter: nothing goes there.
	a := serviceAccountOf(t, map[string]any{"token_uri": "https://evil.example/token"})
	resp, err := c.ServiceAccount(t.Context(), ServiceAccountRequest{Account: a, Audience: "https://pubsub.googleapis.com/"})
	if err != nil {
		t.Fatal(err)
	}
	header, claims := verified(t, resp.Token.Access.Reveal())
	expires := time.Unix(int64(claims["exp"].(float64)), 0)
	if header["kid"] != "kid-1" || claims["iss"] != robot || claims["sub"] != robot || claims["aud"] != "https://pubsub.googleapis.com/" {
		t.Errorf("got %v %v", header, claims)
	}
	if issued := int64(claims["iat"].(float64)); expires.Unix()-issued != 3600 || issued >= then.Unix() {
		t.Errorf("times: got iat %d, exp %v", issued, expires)
	}
	if resp.Token.Type != "Bearer" || !resp.Token.Expiry.Equal(expires) || resp.Token.Lifetime != expires.Sub(then) || !resp.IDToken.IsZero() {
		t.Errorf("got %+v, want a token until %v", resp.Token, expires)
	}
}

func TestServiceAccountRequestsThatMakeNoSense(t *testing.T) {
	endpoint := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	a := serviceAccountOf(t, map[string]any{"token_uri": endpoint})
	far := serviceAccountOf(t, map[string]any{"token_uri": "https://evil.example/token?x=hunter2"})
	nameless := serviceAccountOf(t, map[string]any{"private_key_id": nil})
	for _, tc := range []struct {
		name string
		ask  ServiceAccountRequest
		want string
	}{
		{"no key", ServiceAccountRequest{Scopes: []string{"a"}}, "no key"},
		{"nothing", ServiceAccountRequest{Account: a}, "no scopes"},
		{"ID token for nobody", ServiceAccountRequest{Account: a, Scopes: []string{"a"}, IDToken: true}, "an ID token needs an audience"},
		{"scopes and audience", ServiceAccountRequest{Account: a, Scopes: []string{"a"}, Audience: "x"}, "not for both"},
		{"subject and audience", ServiceAccountRequest{Account: a, Subject: "ada@example.com", Audience: "x"}, "cannot be for a subject"},
		{"untrusted token_uri", ServiceAccountRequest{Account: far, Scopes: []string{"a"}}, `token_uri is not Google's: it is at "evil.example"`},
		{"untrusted token_uri, ID token", ServiceAccountRequest{Account: far, Audience: "x", IDToken: true}, "not Google's"},
		{"self-signed without kid", ServiceAccountRequest{Account: nameless, Audience: "x"}, "private_key_id"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := Client{Grants: &grant.Client{}}
			_, err := c.ServiceAccount(t.Context(), tc.ask)
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// An endpoint that a person has named is used as it is, and the assertion is made for it.
func TestServiceAccountAtANamedEndpoint(t *testing.T) {
	service := newTokenService(t)
	a := serviceAccountOf(t, map[string]any{"token_uri": "https://evil.example/token"})
	for _, audience := range []string{"", "https://login.example.com"} {
		c := Client{Grants: &grant.Client{}}
		_, err := c.ServiceAccount(t.Context(), ServiceAccountRequest{
			Account: a, TokenEndpoint: service.endpoint, AssertionAudience: audience, Scopes: []string{"a"},
		})
		if err != nil {
			t.Fatal(err)
		}
		want := audience
		if want == "" {
			want = service.endpoint
		}
		if asked := service.asked(); asked[len(asked)-1]["aud"] != want {
			t.Errorf("aud: got %v, want %q", asked[len(asked)-1]["aud"], want)
		}
	}
}

func TestServiceAccountFaults(t *testing.T) {
	scopes := ServiceAccountRequest{Scopes: []string{"a"}}
	idToken := ServiceAccountRequest{Audience: "x", IDToken: true}
	for _, tc := range []struct {
		name   string
		ask    ServiceAccountRequest
		status int
		off    time.Duration
		body   string
		kind   grant.Kind
		want   string
	}{
		{"refused", scopes, 400, 0, `{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`, grant.Configuration, "invalid_grant: Invalid JWT Signature. [HTTP 400]"},
		{"clock slow", scopes, 400, 10 * time.Minute, `{"error":"invalid_grant","error_description":"Invalid JWT"}`, grant.Configuration,
			"invalid_grant: Invalid JWT; this machine's clock is 10 minutes slow"},
		{"clock fast, no description", idToken, 400, -3 * time.Hour, `{"error":"invalid_grant"}`, grant.Configuration,
			"invalid_grant: this machine's clock is 3 hours fast"},
		{"clock off, other error", scopes, 400, time.Hour, `{"error":"invalid_scope"}`, grant.Configuration, "invalid_scope [HTTP 400]"},
		{"unauthorized_client", scopes, 401, 0, `{"error":"unauthorized_client"}`, grant.Configuration, "unauthorized_client"},
		{"503", scopes, 503, 0, `busy`, grant.Transient, "HTTP 503"},
		{"redirect", scopes, 307, 0, ``, grant.Unknown, "redirect"},
		{"an ID token in place of an access token", scopes, 200, 0, `{"id_token":"` + idTokenUntil(then, "") + `"}`, grant.Unknown, "no usable access_token"},
		{"an access token in place of an ID token", idToken, 200, 0, okBody, grant.Unknown, "no usable id_token"},
		{"an ID token that is none", idToken, 200, 0, `{"id_token":"hunter2"}`, grant.Unknown, "no usable id_token"},
		{"quotes the assertion", scopes, 400, 0, `{"error":"invalid_grant","error_description":"ASSERTION"}`, grant.Configuration, "[redacted]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var sent string
			endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm()
				sent = r.PostForm.Get("assertion")
				w.Header().Set("Date", then.Add(tc.off).Format(http.TimeFormat))
				say(tc.status, "application/json", strings.ReplaceAll(tc.body, "ASSERTION", sent))(w, r)
			})
			tc.ask.Account = serviceAccountOf(t, map[string]any{"token_uri": endpoint})
			c := Client{Grants: &grant.Client{Now: at(then)}}
			resp, err := c.ServiceAccount(t.Context(), tc.ask)
			pe := asProviderError(t, err)
			if pe.Kind != tc.kind || pe.Status != tc.status || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %s %d, %v; want %s %d, %q", pe.Kind, pe.Status, err, tc.kind, tc.status, tc.want)
			}
			if sent == "" || strings.Contains(err.Error(), sent[:30]) || strings.Contains(err.Error(), "hunter2") {
				t.Error("the error holds what it must not")
			}
			if !resp.Token.Access.IsZero() || !resp.IDToken.IsZero() {
				t.Error("there is a token next to the error")
			}
		})
	}
}
