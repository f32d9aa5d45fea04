package grant

import (
	"strings"
	"testing"
)

func TestParseKeyFile(t *testing.T) {
	exact := `{"a":"` + strings.Repeat("x", MaxKeyFile-8) + `"}`
	for _, data := range []string{`{}`, " \r\n{\"a\":\"b\"}\n", "\xef\xbb\xbf{}", exact} {
		if m, err := ParseKeyFile([]byte(data)); err != nil || m == nil {
			t.Errorf("%.20s: got %v, want its members", data, err)
		}
	}
	for data, want := range map[string]string{
		``:                                "is empty",
		"\xef\xbb\xbf \n":                 "is empty",
		exact + " ":                       "is larger than 65536 bytes",
		"\xff\xfe{\x00}\x00":              "is in UTF-16; save it as UTF-8",
		"-----BEGIN PRIVATE KEY-----\nAA": "is PEM, not JSON",
		`{"a":`:                           "is cut off after byte 5",
		`{"a" hunter2}`:                   "is not JSON: syntax error at byte 6",
		`null`:                            "is JSON, but not an object",
		`[]`:                              "is JSON, but not an object",
		`"hunter2"`:                       "is JSON, but not an object",
	} {
		m, err := ParseKeyFile([]byte(data))
		if m != nil || err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%.20s: got %v, want %q", data, err, want)
		}
	}
}

func TestDescribe(t *testing.T) {
	for data, want := range map[string]string{
		`{"type":"service_account"}`:                  "a Google service account's key",
		`{"type":"authorized_user"}`:                  "a person's saved credentials (authorized_user)",
		`{"type":"external_account"}`:                 "credentials of type external_account",
		`{"type":"external_account_authorized_user"}`: "credentials of type external_account_authorized_user",
		`{"type":"impersonated_service_account"}`:     "credentials of type impersonated_service_account",
		`{"type":"gdch_service_account"}`:             "credentials of type gdch_service_account",
		`{"installed":{}}`:                            "an OAuth client (client_secrets)",
		`{"web":{}}`:                                  "an OAuth client (client_secrets)",
		`{"keys":[]}`:                                 "a set of keys (JWK Set)",
		`{"kty":"RSA"}`:                               "a JSON Web Key",
		`{"refresh_token":"x"}`:                       "a saved token",
		`{"access_token":"x"}`:                        "a saved token",
		`{"token":"x"}`:                               "a saved token",
		`{"type":"hunter2"}`:                          "something else",
		`{}`:                                          "something else",
	} {
		if got := ParseMembers([]byte(data)).Describe(); got != want {
			t.Errorf("%s: got %q, want %q", data, got, want)
		}
	}
}

func TestTexts(t *testing.T) {
	m := ParseMembers([]byte(`{"a":"x","b":null,"c":7}`))
	got, err := m.Texts("a", "b", "d")
	if err != nil || len(got) != 3 || got["a"] != "x" || got["b"] != "" || got["d"] != "" {
		t.Errorf("got %v, %v; want a alone", got, err)
	}
	if got, err := m.Texts("a", "c"); err == nil || err.Error() != "c is not a string" || got != nil {
		t.Errorf("got %v, %v; want that c is not a string", got, err)
	}
}
