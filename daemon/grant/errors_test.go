package grant

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

func TestErrorKinds(t *testing.T) {
	const js = "application/json"
	for _, tc := range []struct {
		name              string
		status            int
		contentType, body string
		kind              Kind
		code, subtype     string
	}{
		{"invalid_grant", 400, js, `{"error":"invalid_grant"}`, LoginRequired, "invalid_grant", ""},
		{"interaction_required", 400, js, `{"error":"interaction_required","suberror":"basic_action"}`, LoginRequired, "interaction_required", "basic_action"},
		{"consent_required", 400, js, `{"error":"consent_required"}`, LoginRequired, "consent_required", ""},
		{"login_required", 400, js, `{"error":"login_required"}`, LoginRequired, "login_required", ""},
		{"google session control", 400, js, `{"error":"invalid_grant","error_subtype":"invalid_rapt"}`, LoginRequired, "invalid_grant", "invalid_rapt"},
		{"github in 200", 200, js, `{"error":"bad_refresh_token","error_description":"x","error_uri":"y"}`, LoginRequired, "bad_refresh_token", ""},
		{"github code in 200, form", 200, "application/x-www-form-urlencoded", `error=bad_verification_code&error_description=no`, LoginRequired, "bad_verification_code", ""},
		{"github client in 200", 200, js, `{"error":"incorrect_client_credentials"}`, Configuration, "incorrect_client_credentials", ""},
		{"invalid_client", 401, js, `{"error":"invalid_client"}`, Configuration, "invalid_client", ""},
		{"unauthorized_client", 400, js, `{"error":"unauthorized_client"}`, Configuration, "unauthorized_client", ""},
		{"invalid_scope", 400, js, `{"error":"invalid_scope"}`, Configuration, "invalid_scope", ""},
		{"invalid_request", 400, js, `{"error":"invalid_request"}`, Configuration, "invalid_request", ""},
		{"invalid_target", 400, js, `{"error":"invalid_target"}`, Configuration, "invalid_target", ""},
		{"invalid_resource", 400, js, `{"error":"invalid_resource"}`, Configuration, "invalid_resource", ""},
		{"redirect_uri_mismatch", 400, js, `{"error":"redirect_uri_mismatch"}`, Configuration, "redirect_uri_mismatch", ""},
		{"deleted_client", 401, js, `{"error":"deleted_client"}`, Configuration, "deleted_client", ""},
		{"unsupported_grant_type", 400, js, `{"error":"unsupported_grant_type"}`, Configuration, "unsupported_grant_type", ""},
		{"temporarily_unavailable", 400, js, `{"error":"temporarily_unavailable"}`, Transient, "temporarily_unavailable", ""},
		{"server_error", 400, js, `{"error":"server_error"}`, Transient, "server_error", ""},
		{"unheard of", 400, js, `{"error":"out_of_cheese"}`, Unknown, "out_of_cheese", ""},
		{"case counts", 400, js, `{"error":"Invalid_Grant"}`, Unknown, "Invalid_Grant", ""},
		{"object", 400, js, `{"error":{"code":"invalid_grant","message":"gone"}}`, LoginRequired, "invalid_grant", ""},
		{"object with number", 400, js, `{"error":{"code":400,"status":"INVALID_ARGUMENT"}}`, Unknown, "INVALID_ARGUMENT", ""},
		{"empty object in 200", 200, js, `{"error":{},"access_token":"a"}`, Unknown, "", ""},
		{"number", 400, js, `{"error":7}`, Unknown, "", ""},
		{"HTML 403", 403, "text/html", `<h1>no</h1>`, Unknown, "", ""},
		{"empty 401", 401, "", ``, Unknown, "", ""},
		{"500 HTML", 500, "text/html", `<h1>no</h1>`, Transient, "", ""},
		{"502 empty", 502, "", ``, Transient, "", ""},
		{"503 with a final code", 503, js, `{"error":"invalid_grant"}`, Transient, "invalid_grant", ""},
		{"408", 408, "", ``, Transient, "", ""},
		{"429", 429, js, `{"error":"invalid_request"}`, Transient, "invalid_request", ""},
		{"404", 404, "text/plain", `not found`, Unknown, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			endpoint := serve(t, say(tc.status, tc.contentType, tc.body))
			var c Client
			_, err := c.Refresh(t.Context(), refreshAt(endpoint))
			pe := asProviderError(t, err)
			if pe.Kind != tc.kind || pe.Code != tc.code || pe.Subtype != tc.subtype || pe.Status != tc.status || pe.Ambiguous {
				t.Errorf("got %s %q %q %d ambiguous=%v, want %s %q %q %d",
					pe.Kind, pe.Code, pe.Subtype, pe.Status, pe.Ambiguous, tc.kind, tc.code, tc.subtype, tc.status)
			}
			if _, ok := pe.Pause(); ok == (tc.kind == LoginRequired) {
				t.Errorf("got a pause %t, want one for all but the end of a login", ok)
			}
			if _, ok := pe.Transient(); ok != (tc.kind == Transient) {
				t.Errorf("transient: got %v", ok)
			}
		})
	}
}

func TestDescriptionIsFiltered(t *testing.T) {
	for _, tc := range []struct{ name, description, want string }{
		{"plain", "Token has been expired or revoked.", "Token has been expired or revoked."},
		{"terminal escape", "\u001b[31mred\u0007", "[31mred"},
		{"lines", "a\r\nb\u2028c", "a b c"},
		{"another language", "Ungültig", "Ungültig"},
		{"bidi and zero-width", "a\u202eb\u200bc", "abc"},
		{"long", strings.Repeat("x", 500), strings.Repeat("x", 200) + "…"},
		{"long, with what was sent at the cut", strings.Repeat("x", 190) + "rt-old-secret", strings.Repeat("x", 190) + "[redacted]"},
		{"what was sent, with characters that do not show in it", "rt-\u200bold-\u0007secret", "[redacted]"},
		{"what was sent", "token rt-old-secret is unknown", "token [redacted] is unknown"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := answerOf(400, "application/json", "")
			if got := a.excerpt(tc.description); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// Whatever a provider quotes from a request, in whatever form, the error holds no secret.
func TestErrorsHoldNoSecret(t *testing.T) {
	const secret, refresh = "cs/1+secret ö&", "rt-old/secret="
	encode := base64.StdEncoding.EncodeToString
	for _, auth := range []ClientAuth{
		{ID: "desk", Secret: account.NewSecret(secret), Method: provider.AuthBasic},
		{ID: "desk", Secret: account.NewSecret(secret), Method: provider.AuthBasic, BasicUnencoded: true},
		{ID: "desk", Secret: account.NewSecret(secret), Method: provider.AuthPost},
	} {
		for name, quote := range map[string]func(r *http.Request, body string) string{
			"the header": func(r *http.Request, _ string) string { return "got Authorization: " + r.Header.Get("Authorization") },
			"the header's credentials": func(r *http.Request, _ string) string {
				return strings.TrimPrefix(r.Header.Get("Authorization"), "Basic ")
			},
			"the header, form-encoded":    func(r *http.Request, _ string) string { return url.QueryEscape(r.Header.Get("Authorization")) },
			"the header, percent-encoded": func(r *http.Request, _ string) string { return url.PathEscape(r.Header.Get("Authorization")) },
			"the header's pair":           func(r *http.Request, _ string) string { user, pass, _ := r.BasicAuth(); return user + ":" + pass },
			"the body":                    func(_ *http.Request, body string) string { return body },
			"the secret":                  func(*http.Request, string) string { return "client " + secret + " unknown" },
			"the refresh token":           func(*http.Request, string) string { return refresh },
			"all in the code and subtype": func(r *http.Request, body string) string { return body + r.Header.Get("Authorization") },
			"the header after a long text": func(r *http.Request, _ string) string {
				return strings.Repeat("x", 180) + r.Header.Get("Authorization")
			},
		} {
			t.Run(fmt.Sprintf("%s unencoded %t %s", auth.Method, auth.BasicUnencoded, name), func(t *testing.T) {
				endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
					body, _ := io.ReadAll(r.Body)
					said := quote(r, string(body))
					say(401, "application/json", string(must(json.Marshal(map[string]string{
						"error": said, "error_description": said, "error_subtype": said, "x": "body-text",
					}))))(w, r)
				})
				r := refreshAt(endpoint + "?key=query-text")
				r.Auth, r.RefreshToken = auth, account.NewSecret(refresh)
				var c Client
				_, err := c.Refresh(t.Context(), r)
				pe := asProviderError(t, err)
				for i, s := range []string{
					secret, url.QueryEscape(secret), url.PathEscape(secret), refresh, url.QueryEscape(refresh), "body-text", "query-text",
					encode([]byte("desk:" + secret)), encode([]byte("desk:" + url.QueryEscape(secret))),
					encode([]byte("desk:" + secret))[:12], url.QueryEscape(encode([]byte("desk:" + secret))),
				} {
					for _, text := range []string{err.Error(), pe.Code, pe.Description, pe.Subtype} {
						if strings.Contains(text, s) {
							t.Errorf("the error holds text %d of those it must not", i)
						}
					}
				}
			})
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name  string
		retry string
		date  string
		want  time.Duration
	}{
		{"none", "", "", 0},
		{"seconds", "7", "", 7 * time.Second},
		{"capped", "86400", "", time.Hour},
		{"beyond any number", "99999999999999999999999", "", time.Hour},
		{"negative", "-5", "", 0},
		{"rubbish", "soon", "", 0},
		{"date by our clock", "Sun, 22 Nov 2026 12:01:00 GMT", "", time.Minute},
		{"date by the server's clock", "Sun, 22 Nov 2026 10:01:00 GMT", "Sun, 22 Nov 2026 10:00:00 GMT", time.Minute},
		{"date gone by", "Sun, 22 Nov 2020 12:01:00 GMT", "", 0},
		{"date far off", "Sun, 22 Nov 2099 12:01:00 GMT", "", time.Hour},
	} {
		t.Run(tc.name, func(t *testing.T) {
			endpoint := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Date"] = nil
				if tc.date != "" {
					w.Header().Set("Date", tc.date)
				}
				if tc.retry != "" {
					w.Header().Set("Retry-After", tc.retry)
				}
				w.WriteHeader(http.StatusServiceUnavailable)
			})
			c := Client{Now: func() time.Time { return now }}
			_, err := c.Refresh(t.Context(), refreshAt(endpoint))
			if got, ok := asProviderError(t, err).Transient(); got != tc.want || !ok {
				t.Errorf("got %v, transient %v; want %v, true", got, ok, tc.want)
			}
		})
	}
}
