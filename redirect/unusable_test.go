package redirect

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

func TestResponsesThatEndTheLogin(t *testing.T) {
	denied := &AuthorizationError{}
	valid := query("state", testState, "code", testCode)
	tests := []struct {
		name  string
		cfg   Config
		query string
		want  any
		text  string
	}{
		{
			name:  "error with state",
			query: query("state", testState, "error", "access_denied", "error_description", "no"),
			want:  &denied, text: "authorization refused: access_denied: no",
		},
		{
			name: "error beside a code", query: query("state", testState, "error", "server_error", "code", testCode),
			want: &denied, text: "authorization refused: server_error",
		},
		{
			name: "wrong issuer", cfg: Config{Issuer: testIssuer},
			query: query("state", testState, "code", testCode, "iss", testIssuer+"/"), want: ErrIssuerMismatch,
		},
		{
			name: "missing issuer", cfg: Config{Issuer: testIssuer, RequireIssuer: true},
			query: query("state", testState, "code", testCode), want: ErrIssuerMismatch,
		},
		{
			name: "error from a wrong issuer", cfg: Config{Issuer: testIssuer},
			query: query("state", testState, "error", "access_denied", "iss", "https://evil.example.com"),
			want:  ErrIssuerMismatch,
		},
		{
			name: "error with a damaged description", query: "?error=access_denied&error_description=%e4%&state=" + testState,
			want: &denied, text: "authorization refused: access_denied",
		},
		{name: "neither code nor error", query: query("state", testState), want: ErrNoCode},
		{name: "empty code", query: query("state", testState, "code", ""), want: ErrNoCode},
		{
			name:  "error of no printable text",
			query: query("state", testState, "error", "\x00", "code", testCode), want: ErrDamaged,
		},
		{name: "damaged code", query: "?code=%zz&state=" + testState, want: ErrDamaged},
		{name: "damaged parameter of another name", query: valid + "&x=%zz", want: ErrDamaged},
		{name: "two states", query: valid + "&state=" + testState, want: ErrRepeated},
		{name: "two codes", query: valid + "&code=" + testCode, want: ErrRepeated},
		{name: "two errors", query: query("state", testState, "error", "a", "error", "b"), want: ErrRepeated},
		{name: "two issuers", query: valid + "&iss=a&iss=b", want: ErrRepeated},
		{
			name: "two descriptions", want: ErrRepeated,
			query: query("state", testState, "error", "a", "error_description", "b", "error_description", "c"),
		},
		{
			name:  "code too long",
			query: query("state", testState, "code", strings.Repeat("x", maxCode+1)), want: ErrOversized,
		},
		{name: "query too long", query: valid + "&x=" + strings.Repeat("x", maxQuery+1-len(valid)-2), want: ErrOversized},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, tt.cfg)
			resp, _ := get(t, s.RedirectURI()+tt.query)
			if resp.StatusCode != http.StatusSeeOther {
				t.Errorf("got %d, want 303", resp.StatusCode)
			}
			// A good response that comes later must not save the login.
			get(t, good(s))
			got, err := s.Wait(t.Context())
			if got.Code() != "" {
				t.Error("Wait gave a code")
			}
			switch want := tt.want.(type) {
			case error:
				if !errors.Is(err, want) {
					t.Errorf("got %v, want %v", err, want)
				}
			default:
				if !errors.As(err, want) || err.Error() != tt.text {
					t.Errorf("got %v, want %q", err, tt.text)
				}
			}
		})
	}
}
