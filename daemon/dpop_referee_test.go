package daemon

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// referee is npm's oidc-provider, which demands DPoP with nonces and shares no code with oauthd.
type referee struct {
	issuer string

	mu    sync.Mutex // guards asked
	asked []grantRequest
}

// grantRequest is a token request that the referee has answered.
type grantRequest struct {
	Grant string `json:"grant"`
	// Probe is true for one that fetches a nonce.
	Probe bool   `json:"probe"`
	Error string `json:"error"`
}

func startReferee(t *testing.T) *referee {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	module := filepath.Join(cache, "oauthd-tests", "oidc-provider", "node_modules", "oidc-provider", "lib", "index.js")
	node, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat(module)
	}
	if err != nil && os.Getenv("OAUTHD_TEST_REQUIRE") != "" {
		t.Fatalf("%v, and OAUTHD_TEST_REQUIRE is set; .ci/run installs it", err)
	}
	if err != nil {
		t.Skipf("npm's oidc-provider is not installed; .ci/run does it: %v", err)
	}
	cmd := exec.Command(node, "testdata/oidc-provider.mjs", module)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	r, told := &referee{}, make(chan struct{})
	t.Cleanup(func() {
		_ = in.Close() // it ends then
		<-told
		_ = cmd.Wait()
	})
	if lines.Scan() {
		r.issuer = lines.Text()
	}
	go func() {
		defer close(told)
		for lines.Scan() {
			var g grantRequest
			if json.Unmarshal(lines.Bytes(), &g) == nil {
				r.mu.Lock()
				r.asked = append(r.asked, g)
				r.mu.Unlock()
			}
		}
	}()
	if !strings.HasPrefix(r.issuer, "http://127.0.0.1:") {
		t.Fatalf("got %q, want an issuer", r.issuer)
	}
	return r
}

// me asks the referee's userinfo endpoint, as any program would that asks oauthd for proofs.
func (r *rig) me(issuer, nonce string) (status int, next, body string) {
	r.t.Helper()
	p := r.proof(api.ProofRequest{TokenRequest: api.TokenRequest{Account: "work", URL: issuer + "/me"}, Method: http.MethodGet, Nonce: nonce})
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, issuer+"/me", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", p.TokenType+" "+p.AccessToken)
	req.Header.Set("DPoP", p.Proof)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header.Get("DPoP-Nonce"), string(text)
}

// TestBoundAtAnotherServer has an independent server judge proofs, nonces and rotation: at a login, at refreshes before and
// after a restart of the daemon, and at a resource.
func TestBoundAtAnotherServer(t *testing.T) {
	judge := startReferee(t)
	r := newRealRig(t, oauthtest.Config{})
	r.write("accounts/work.toml", fmt.Sprintf("issuer = %q\nclient_id = \"app\"\nscopes = [\"openid\", \"email\"]\ndpop = true\nhosts = [%[1]q]\n", judge.issuer))
	r.start()
	l := r.begin("work", api.AccountDefinition{})
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	visited := make(chan struct{})
	go func() {
		defer close(visited)
		if resp, err := (&http.Client{Jar: jar}).Get(l.url()); err == nil {
			_ = resp.Body.Close()
		}
	}()
	if err := <-l.ended; err != nil {
		t.Fatalf("login: got %v", err)
	}
	<-visited
	if done := l.last(); done.Email != "ada@example.com" {
		t.Errorf("login: got %q, want ada@example.com, whom userinfo names", done.Email)
	}

	first := r.store.credential(t, "work")
	nonce, used := "", map[string]bool{}
	for i := range 4 {
		tok, err := r.ask(api.TokenRequest{Account: "work", Force: i > 0})
		if err != nil || tok.TokenType != "DPoP" || used[tok.AccessToken] {
			t.Fatalf("token %d: got %v, type %q, used before %t", i, err, tok.TokenType, used[tok.AccessToken])
		}
		used[tok.AccessToken] = true
		status, next, body := r.me(judge.issuer, nonce)
		if i == 0 {
			if status != http.StatusUnauthorized || next == "" {
				t.Errorf("without a nonce: got %d, nonce %q; want 401 and one", status, next)
			}
			nonce = next
			status, _, body = r.me(judge.issuer, nonce)
		}
		if status != http.StatusOK || !strings.Contains(body, "ada@example.com") {
			t.Errorf("token %d at the resource: got %d %s, want 200", i, status, body)
		}
		if i == 1 {
			r.restart()
		}
	}
	last := r.store.credential(t, "work")
	if last.RefreshToken.Equal(first.RefreshToken) || !last.ProofKey.Equal(first.ProofKey) || first.ProofKey.IsZero() {
		t.Error("want refresh tokens that rotate, and one key")
	}
	judge.mu.Lock()
	defer judge.mu.Unlock()
	refreshed := 0
	for _, g := range judge.asked {
		if !g.Probe && g.Error != "" {
			t.Errorf("got %s for a request with grant_type %s, want none refused but the ones for a nonce", g.Error, g.Grant)
		}
		if g.Grant == "refresh_token" && !g.Probe {
			refreshed++
		}
	}
	if refreshed != 3 {
		t.Errorf("got %d refreshes, want 3", refreshed)
	}
}

// TestBoundMachineAtAnotherServer does the same for a program's own token.
func TestBoundMachineAtAnotherServer(t *testing.T) {
	judge := startReferee(t)
	r := newRealRig(t, oauthtest.Config{})
	r.write("accounts/work.toml", fmt.Sprintf("issuer = %q\nclient_id = \"robot\"\ngrant = \"client_credentials\"\ndpop = true\n", judge.issuer))
	r.start()
	if err := r.d.Login(context.Background(), "work", api.AccountDefinition{ClientSecret: clientSecret}, func(e api.LoginEvent) { r.tell(e) }); err != nil {
		t.Fatalf("login: got %v", err)
	}
	if tok := r.token(); tok.TokenType != "DPoP" {
		t.Errorf("got type %s, want DPoP", tok.TokenType)
	}
}
