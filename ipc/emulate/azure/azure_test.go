package azure

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"oauthd/ipc/api"
)

// daemon gives one token, or an error.
type daemon struct {
	token api.Token
	err   error
	asked []api.TokenRequest
}

func (d *daemon) Token(_ context.Context, r api.TokenRequest) (api.Token, error) {
	d.asked = append(d.asked, r)
	return d.token, d.err
}

// get answers one request, and returns what the server complained about.
func get(t *testing.T, d *daemon, request api.TokenRequest, method, target, secret string) (status int, answer map[string]any, header http.Header, complaints []error) {
	t.Helper()
	s := New(Config{request}, "secret", d, func(err error) { complaints = append(complaints, err) })
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	if secret != "" {
		r.Header.Set("X-IDENTITY-HEADER", secret)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("got %q, %v, want JSON", w.Body, err)
	}
	return w.Code, answer, w.Header(), complaints
}

const vault = Path + "?api-version=2019-08-01&resource=https%3A%2F%2Fvault.azure.net"

func TestToken(t *testing.T) {
	ends := time.Unix(1_800_000_000, 0)
	for _, test := range []struct {
		name   string
		minTTL *int64
		want   int64
	}{{"", nil, minTTL}, {"a short life will do", new(int64(60)), minTTL}, {"a long life", new(int64(3000)), 3000}} {
		t.Run(test.name, func(t *testing.T) {
			d := &daemon{token: api.Token{AccessToken: "T", ExpiresAt: &ends}}
			status, answer, header, complaints := get(t, d, api.TokenRequest{Account: "work", MinTTL: test.minTTL}, "GET", vault+"&client_id=x", "secret")
			if status != 200 || answer["access_token"] != "T" || answer["expires_on"] != "1800000000" || answer["resource"] != "https://vault.azure.net" ||
				answer["token_type"] != "Bearer" || header.Get("Content-Type") != "application/json" || header.Get("Cache-Control") != "no-store" {
				t.Errorf("got %d, %v, %v", status, answer, header)
			}
			if len(d.asked) != 1 || d.asked[0].Account != "work" || d.asked[0].Scope != "https://vault.azure.net/.default" || *d.asked[0].MinTTL != test.want {
				t.Errorf("asked for %+v", d.asked)
			}
			if len(complaints) != 1 || complaints[0] != nil {
				t.Errorf("got the complaints %v, want that all is well", complaints)
			}
		})
	}
}

func TestTokenOfUnknownLifeIsAskedForAgain(t *testing.T) {
	_, answer, _, _ := get(t, &daemon{token: api.Token{AccessToken: "T"}}, api.TokenRequest{}, "GET", vault, "secret")
	ends, err := strconv.ParseInt(answer["expires_on"].(string), 10, 64)
	if left := time.Until(time.Unix(ends, 0)); err != nil || left <= 0 || left > 5*time.Minute {
		t.Errorf("got %v, want a time that comes soon", answer)
	}
}

func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		name, method, target, secret string
		status                       int
		want                         string
	}{
		{"no header", "GET", vault, "", 401, "IDENTITY_HEADER"},
		{"another header", "GET", vault, "secrets", 401, "IDENTITY_HEADER"},
		{"another path", "GET", "/metadata/identity", "secret", 404, Path},
		{"another method", "POST", vault, "secret", 405, "only read"},
		{"another version", "GET", strings.Replace(vault, "2019-08-01", "2017-09-01", 1), "secret", 400, "2019-08-01"},
		{"no resource", "GET", Path + "?api-version=2019-08-01", "secret", 400, "?resource="},
		{"two resources", "GET", vault + "+https://evil.example", "secret", 400, "?resource="},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := &daemon{token: api.Token{AccessToken: "T"}}
			status, answer, _, complaints := get(t, d, api.TokenRequest{}, test.method, test.target, test.secret)
			message, _ := answer["message"].(string)
			if status != test.status || !strings.Contains(message, test.want) || len(d.asked) != 0 || len(complaints) != 0 {
				t.Errorf("got %d, %v, %d requests, %v", status, answer, len(d.asked), complaints)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	for _, test := range []struct {
		err    *api.Error
		status int
	}{
		{&api.Error{Code: api.Locked, Message: "oauthd is locked", Hint: "oauthd unlock"}, 423},
		{&api.Error{Code: api.LoginRequired, Message: "work needs a login", Hint: "oauthd login work"}, 401},
		{&api.Error{Code: api.ScopeNotGranted, Message: "work was not granted that", Hint: "oauthd login work --scope X"}, 403},
		{&api.Error{Code: api.ProviderUnreachable, Message: "the provider cannot be reached", Hint: "try again later", RetryAfter: 600}, 503},
		{&api.Error{Code: api.UnknownAccount, Message: "there is no account \"work\"", Hint: "oauthd accounts lists them"}, 403},
	} {
		t.Run(string(test.err.Code), func(t *testing.T) {
			status, answer, header, complaints := get(t, &daemon{err: test.err}, api.TokenRequest{}, "GET", vault, "secret")
			want := "oauthd: " + test.err.Message + "\nhint: " + test.err.Hint
			if status != test.status || answer["error"] != string(test.err.Code) || answer["error_description"] != want || answer["message"] != want || header.Get("Retry-After") != "" {
				t.Errorf("got %d, %v, %v", status, answer, header)
			}
			if _, ok := answer["access_token"]; ok || len(complaints) != 1 || complaints[0] != test.err {
				t.Errorf("got %v, %v", answer, complaints)
			}
		})
	}
	status, _, _, _ := get(t, &daemon{token: api.Token{AccessToken: "T\nU"}}, api.TokenRequest{}, "GET", vault, "secret")
	if status != 502 {
		t.Errorf("a token with a line break: got %d", status)
	}
}

func TestNobodyWaits(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequestWithContext(ctx, "GET", vault, nil)
	r.Header.Set("X-IDENTITY-HEADER", "secret")
	New(Config{}, "secret", &daemon{err: context.Canceled}, func(err error) { t.Errorf("complained about %v", err) }).ServeHTTP(httptest.NewRecorder(), r)
}
