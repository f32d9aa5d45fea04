package google

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"oauthd/daemon/grant"
)

const robot = "robot@project.example.com"

// keyFile is a service account's key file with some members changed; a nil value takes one away.
func keyFile(change map[string]any) string {
	members := map[string]any{
		"type": "service_account", "project_id": "project-1", "private_key_id": "kid-1", "private_key": pkcs8(rsaKey()),
		"client_email": robot, "client_id": "123", "auth_uri": "https://accounts.google.com/o/oauth2/auth",
		"token_uri": "https://oauth2.googleapis.com/token", "universe_domain": "googleapis.com",
		"client_x509_cert_url": "https://www.googleapis.com/robot/v1/metadata/x509/robot",
	}
	for name, value := range change {
		if members[name] = value; value == nil {
			delete(members, name)
		}
	}
	return string(must(json.MarshalIndent(members, "", "  ")))
}

func serviceAccountOf(t *testing.T, change map[string]any) ServiceAccount {
	t.Helper()
	a, err := ParseServiceAccount([]byte(keyFile(change)))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestParseServiceAccount(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change map[string]any
		want   ServiceAccount
	}{
		{"as Google writes it", nil, ServiceAccount{robot, "kid-1", "project-1", googleTokenURI, "googleapis.com", grant.ClientKey{}}},
		{"the least", map[string]any{"private_key_id": nil, "project_id": nil, "token_uri": nil, "universe_domain": nil},
			ServiceAccount{robot, "", "", googleTokenURI, "", grant.ClientKey{}}},
		{"longest project_id, of odd characters", map[string]any{"project_id": "!~" + strings.Repeat("p", 1022)},
			ServiceAccount{robot, "kid-1", "!~" + strings.Repeat("p", 1022), googleTokenURI, "googleapis.com", grant.ClientKey{}}},
		{"loopback", map[string]any{"token_uri": "http://127.0.0.1:9/token"},
			ServiceAccount{robot, "kid-1", "project-1", "http://127.0.0.1:9/token", "googleapis.com", grant.ClientKey{}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := serviceAccountOf(t, tc.change)
			again, err := ParseServiceAccount([]byte(a.Text().Reveal()))
			if err != nil {
				t.Fatalf("its text: %v", err)
			}
			for _, got := range []ServiceAccount{a, again} {
				jws, err := got.key.Sign(map[string]any{})
				if err != nil {
					t.Fatal(err)
				}
				verified(t, jws.Reveal())
				if got.key = (grant.ClientKey{}); got != tc.want {
					t.Errorf("got %+v, want %+v", got, tc.want)
				}
			}
			for _, name := range []string{"client_id", "auth_uri", "client_x509_cert_url"} {
				if strings.Contains(a.Text().Reveal(), name) {
					t.Errorf("its text has %s, which nobody needs", name)
				}
			}
		})
	}
	if !(ServiceAccount{}).Text().IsZero() {
		t.Error("the zero ServiceAccount has a text")
	}
}

func TestParseServiceAccountSaysWhatIsWrong(t *testing.T) {
	with := func(name string, value any) string { return keyFile(map[string]any{name: value}) }
	whole := keyFile(nil)
	for _, tc := range []struct{ name, data, want string }{
		{"empty", "", "the file is empty"},
		{"too large", strings.Repeat(" ", grant.MaxKeyFile+1), "is larger than"},
		{"cut off", whole[:len(whole)-40], "is cut off"},
		{"PEM", pkcs8(rsaKey()), "is PEM, not JSON"},
		{"list", "[" + whole + "]", "not an object"},
		{"authorized_user", `{"type":"authorized_user","refresh_token":"hunter2"}`, "a person's saved credentials"},
		{"external_account", `{"type":"external_account"}`, "credentials of type external_account"},
		{"impersonated", `{"type":"impersonated_service_account"}`, "credentials of type impersonated_service_account"},
		{"client_secrets", `{"web":{"client_secret":"hunter2"}}`, "an OAuth client (client_secrets)"},
		{"saved token", `{"access_token":"hunter2"}`, "a saved token"},
		{"JWK", `{"kty":"RSA","d":"hunter2"}`, "a JSON Web Key"},
		{"anything", `{"hunter2":1}`, "something else"},
		{"no client_email", with("client_email", nil), "the file has no client_email"},
		{"client_email a number", with("client_email", 7), "the file's client_email is not a string"},
		{"client_email no address", with("client_email", "hunter2"), "the file's client_email is not an address"},
		{"client_email with a line break", with("client_email", "hunter2@\nx"), "the file's client_email is too long, or"},
		{"no private_key", with("private_key", ""), "the file has no private_key"},
		{"private_key an object", with("private_key", map[string]any{}), "the file's private_key is not a string"},
		{"private_key text", with("private_key", "hunter2"), "the file's private_key is neither PEM"},
		{"private_key blank", with("private_key", " \n"), "the file has no private_key"},
		{"private_key cut off", with("private_key", pkcs8(rsaKey())[:900]), "the file's private_key is PEM that is damaged or cut off"},
		{"private_key with its line breaks lost", with("private_key", strings.ReplaceAll(pkcs8(rsaKey()), "\n", `\n`)),
			"the file's private_key is PEM that is damaged or cut off"},
		{"private_key on a curve", with("private_key", pkcs8(must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)))),
			"the file's private_key is not an RSA key"},
		{"private_key_id a list", with("private_key_id", []string{"x"}), "the file's private_key_id is not a string"},
		{"token_uri http", with("token_uri", "http://oauth2.googleapis.com/token"), "the file's token_uri: not https"},
		{"token_uri no URL", with("token_uri", "hunter2"), "the file's token_uri: the URL's scheme is not https"},
		{"private_key_id with a space", with("private_key_id", "a b"), "the file's private_key_id is too long, or"},
		{"project_id of another alphabet", with("project_id", "pr\u00f6jekt"), "the file's project_id is too long, or"},
		{"project_id too long", with("project_id", strings.Repeat("p", 1025)), "the file's project_id is too long, or"},
		{"universe_domain with a space", with("universe_domain", "a b"), "the file's universe_domain is too long, or"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, err := ParseServiceAccount([]byte(tc.data))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
			if !a.key.IsZero() {
				t.Error("there is a key next to the error")
			}
			for _, piece := range append(pieces(pkcs8(rsaKey())), "hunter2") {
				if strings.Contains(err.Error(), piece) {
					t.Error("the error quotes the data")
				}
			}
		})
	}
}

func TestServiceAccountNeverPrints(t *testing.T) {
	a := serviceAccountOf(t, nil)
	var out bytes.Buffer
	for _, value := range []any{a, &a, ServiceAccountRequest{Account: a}, []ServiceAccount{a}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb, value)
		}
		out.Write(must(json.Marshal(value)))
		log := zerolog.New(&out)
		log.Info().Interface("value", value).Msg(fmt.Sprint(value))
	}
	for _, n := range []*big.Int{rsaKey().D, rsaKey().Primes[0], rsaKey().Primes[1]} {
		for _, s := range []string{n.String(), n.Text(16), fmt.Sprintf("%X", n)} {
			if strings.Contains(out.String(), s) {
				t.Fatal("a private key is printed")
			}
		}
	}
	for _, s := range pieces(pkcs8(rsaKey())) {
		if strings.Contains(out.String(), s) {
			t.Fatal("a private key is printed")
		}
	}
}

func TestTrustedTokenURI(t *testing.T) {
	for uri, want := range map[string]bool{
		"https://oauth2.googleapis.com/token":                          true,
		"https://oauth2.mtls.googleapis.com/token":                     true,
		"https://accounts.google.com/o/oauth2/token":                   true,
		"https://www.googleapis.com/oauth2/v3/token":                   true,
		"https://www.googleapis.com/oauth2/v4/token":                   true,
		"http://127.0.0.1:8080/any":                                    true,
		"http://[::1]:8080/any":                                        true,
		"ftp://127.0.0.1/token":                                        false,
		"http://ada@127.0.0.1/token":                                   false,
		"https://localhost/any":                                        true,
		"":                                                             false,
		"hunter2":                                                      false,
		"http://oauth2.googleapis.com/token":                           false,
		"https://oauth2.googleapis.com.evil.example/token":             false,
		"https://oauth2.googleapis.com@evil.example/token":             false,
		"https://evil.example/oauth2.googleapis.com/token":             false,
		"https://oauth2.googleapis.com:8443/token":                     false,
		"https://oauth2.googleapis.com/token?x=https://evil.example":   false,
		"https://oauth2.googleapis.com/other":                          false,
		"https://www.googleapis.com/upload/storage/v1/b/evil/o?name=x": false,
		"https://storage.googleapis.com/evil/token":                    false,
		"https://127.0.0.1.evil.example/token":                         false,
		"https://login.example.com/token":                              false,
	} {
		if got := TrustedTokenURI(uri); got != want {
			t.Errorf("%s: got %t, want %t", uri, got, want)
		}
	}
}

func FuzzParseServiceAccount(f *testing.F) {
	f.Add([]byte(keyFile(nil)))
	f.Add([]byte(keyFile(map[string]any{"token_uri": nil, "private_key_id": nil})))
	for _, seed := range []string{`{"type":"service_account"}`, `{"type":"authorized_user"}`, `[]`, "\xef\xbb\xbf{}", `{"type":`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := ParseServiceAccount(data)
		if err != nil {
			if a != (ServiceAccount{}) || strings.ContainsAny(err.Error(), "\x00\n\r\x1b") {
				t.Errorf("got %+v, %v", a, err)
			}
			return
		}
		again, err := ParseServiceAccount([]byte(a.Text().Reveal()))
		if err != nil {
			t.Fatalf("its text cannot be read back: %v", err)
		}
		if !again.Text().Equal(a.Text()) {
			t.Error("its text, read and written again, differs")
		}
	})
}
