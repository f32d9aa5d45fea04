package provider

import (
	"strings"
	"testing"
)

// TestAuthMethodsThatDoNotFit checks that the error says what does not fit, so that a person can mend it.
func TestAuthMethodsThatDoNotFit(t *testing.T) {
	for _, tt := range []struct {
		name              string
		advertised        []string
		hasSecret, hasKey bool
		configured, says  string
	}{
		{"a secret of a public client", nil, true, false, "none", `is "none", but the client has a secret`},
		{"a key of a public client", nil, false, true, "none", `is "none", but the client has a private key`},
		{"no key", nil, true, false, "private_key_jwt", `is "private_key_jwt", but the client has no private key`},
		{"no secret", nil, false, false, "client_secret_post", `is "client_secret_post", but the client has no secret`},
		{"a key in place of a secret", nil, false, true, "client_secret_basic", `is "client_secret_basic", but the client has no secret`},
		{"a method that nobody knows", nil, true, false, "secret_jwt", `"secret_jwt" is not one of`},
		{"a key that the server does not take", []string{"client_secret_post"}, false, true, "", `does not advertise "private_key_jwt"`},
		{"a secret that the server does not take", []string{"private_key_jwt"}, true, false, "", `advertises neither`},
	} {
		method, err := Provider{AuthMethods: tt.advertised}.PinAuthMethod(tt.hasSecret, tt.hasKey, tt.configured)
		if method != "" || err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got %q, %v; want an error with %q", tt.name, method, err, tt.says)
		}
	}
}
