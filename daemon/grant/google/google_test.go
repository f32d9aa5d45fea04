package google

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"oauthd/daemon/grant"
)

const okBody = `{"access_token":"at-1","token_type":"Bearer","expires_in":3600}`

var then = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func at(now time.Time) func() time.Time { return func() time.Time { return now } }

// idTokenUntil returns what passes for an ID token if the signature is not checked.
func idTokenUntil(expiry time.Time, more string) string {
	part := base64.RawURLEncoding.EncodeToString
	claims := `{"exp":` + strconv.FormatInt(expiry.Unix(), 10) + more + `}`
	return part([]byte(`{"alg":"RS256"}`)) + "." + part([]byte(claims)) + ".c2ln"
}

// serve starts a loopback server and returns its token endpoint.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL + "/token"
}

// say answers every request alike.
func say(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func asProviderError(t *testing.T, err error) *grant.ProviderError {
	t.Helper()
	var pe *grant.ProviderError
	if !errors.As(err, &pe) {
		t.Fatalf("error is %T (%v), want *grant.ProviderError", err, err)
	}
	return pe
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// cloud plays Google's services by their real names, without a network.
type cloud struct {
	t       *testing.T
	answers map[string]http.HandlerFunc // by host and path

	mu   sync.Mutex // guards seen
	seen []*http.Request
}

func newCloud(t *testing.T, answers map[string]http.HandlerFunc) *cloud {
	return &cloud{t: t, answers: answers}
}

func (g *cloud) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		if r.Header.Get("Content-Type") == "application/x-www-form-urlencoded" {
			_ = r.ParseForm()
		} else {
			body, _ := io.ReadAll(r.Body)
			r.PostForm = url.Values{"": {string(body)}}
		}
	}
	g.mu.Lock()
	g.seen = append(g.seen, r)
	g.mu.Unlock()
	answer, ok := g.answers[r.URL.Host+r.URL.Path]
	if !ok {
		return nil, errors.New("no such host")
	}
	w := httptest.NewRecorder()
	w.Header().Set("Date", then.Format(http.TimeFormat))
	answer(w, r)
	return w.Result(), nil
}

// client speaks to the cloud and to nothing else.
func (g *cloud) client() Client {
	return Client{Grants: &grant.Client{HTTP: &http.Client{Transport: g}, Now: at(then)}}
}

func (g *cloud) last() *http.Request {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.seen) == 0 {
		g.t.Fatal("nothing was asked")
	}
	return g.seen[len(g.seen)-1]
}

func (g *cloud) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.seen)
}

// file leaves text in a file of the test's own.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "credentials.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// rsaKey is made once: an RSA key costs a second.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func pkcs8(key any) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(key))}))
}

// verified checks an RS256 JWS in compact form by the standard library alone and returns its header and claims.
func verified(t *testing.T, jws string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(jws, ".")
	if len(parts) != 3 {
		t.Fatalf("the JWS has %d parts, want 3", len(parts))
	}
	var decoded [3][]byte
	for i, part := range parts {
		b, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			t.Fatalf("part %d of the JWS: %v", i, err)
		}
		decoded[i] = b
	}
	if json.Unmarshal(decoded[0], &header) != nil || json.Unmarshal(decoded[1], &claims) != nil {
		t.Fatal("the JWS does not hold two JSON objects")
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if header["alg"] != "RS256" || rsa.VerifyPKCS1v15(&rsaKey().PublicKey, crypto.SHA256, sum[:], decoded[2]) != nil {
		t.Fatalf("the signature by %v does not verify as RS256", header["alg"])
	}
	return header, claims
}

// pieces are the parts of a key that must be in no message.
func pieces(text string) []string {
	var found []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); len(line) > 30 && !strings.HasPrefix(line, "-----") {
			found = append(found, line[:20], line[len(line)-20:])
		}
	}
	return found
}
