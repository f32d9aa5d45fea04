package account

import (
	"slices"
	"testing"
)

func TestScopes(t *testing.T) {
	for _, tt := range []struct {
		name  string
		texts []string
		want  []string
	}{
		{"none", nil, nil},
		{"blank", []string{"", " \t\n"}, nil},
		{"a list", []string{"openid", "email"}, []string{"openid", "email"}},
		{"in one text", []string{" openid  email\tprofile\n"}, []string{"openid", "email", "profile"}},
		{"twice", []string{"openid email", "openid", "a"}, []string{"openid", "email", "a"}},
	} {
		if got := Scopes(tt.texts...); !slices.Equal(got, tt.want) || (got == nil) != (tt.want == nil) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestCheckScope(t *testing.T) {
	for scope, ok := range map[string]bool{
		"openid": true, "https://www.example.com/auth/mail.read": true, "!#[]^_`{|}~": true,
		"": false, "a b": false, " a": false, "a\t": false, "a\"b": false, "a\\b": false, "é": false, "a\x7f": false, "a\n": false, "\x1b[31m": false,
	} {
		if err := CheckScope(scope); (err == nil) != ok {
			t.Errorf("%q: got %v, want ok %t", scope, err, ok)
		}
	}
}
