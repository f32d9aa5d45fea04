package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
	"oauthd/ipc/client"

	"filippo.io/age"
)

// TestNothingInMemoryAfterLock reads the memory of a daemon as root can, before and after a lock.
func TestNothingInMemoryAfterLock(t *testing.T) {
	if os.Getuid() != 0 {
		if os.Getenv("OAUTHD_TEST_REQUIRE") != "" {
			t.Fatal("needs root, to read the memory of a daemon")
		}
		t.Skip("needs root, to read the memory of a daemon")
	}
	const clientSecret, passphrase = "cs-canary-of-the-client-in-memory", "canary-passphrase-in-memory"
	l := newFileLane(t, oauthtest.Client{ID: "work", Secret: clientSecret, RedirectURIs: []string{"http://127.0.0.1/callback"}})
	l.start(t)
	t.Cleanup(func() { l.kill(t) })
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	if err := l.client.Unlock(ctx, passphrase); err != nil {
		t.Fatal(err)
	}
	definition := api.AccountDefinition{Issuer: l.provider.Issuer(), ClientID: "work", ClientSecret: clientSecret, Scopes: []string{"openid", "email"}}
	l.login(t, "work", definition)
	refresh := api.TokenRequest{Account: "work", Force: true}
	for range 20 {
		if _, err := l.client.Token(ctx, refresh); err != nil {
			t.Fatal(err)
		}
	}
	secrets := map[string][]byte{"the client secret": []byte(clientSecret), "the passphrase": []byte(passphrase)}
	secrets["the age identity"], secrets["the age identity's key"] = ageIdentity(t, l, passphrase)
	for token, i := range l.ledger.tokens {
		secrets[fmt.Sprintf("refresh token %d", i.number)] = []byte(token)
	}
	for token, i := range l.ledger.access {
		secrets[fmt.Sprintf("access token %d", i.number)] = []byte(token)
	}
	holding := &client.Client{Socket: l.client.Socket, Hold: true}
	t.Cleanup(func() { _ = holding.Close() })
	web := &http.Client{Transport: holding.Transport(api.TokenRequest{Account: "work"}, nil)}
	for range 5 { // from the second one on, it holds the token
		resp, err := web.Get(l.provider.Issuer() + "/api/hello")
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("a request with the token: got %v, %v", resp, err)
		}
		_ = resp.Body.Close()
	}
	if found := l.search(t, secrets); found["access token 21"] == 0 || found["the age identity's key"] == 0 {
		t.Errorf("an open daemon: got %v, want at least the token that it serves and the key", found)
	}
	if err := l.client.Lock(ctx); err != nil {
		t.Fatal(err)
	}
	if found := l.search(t, secrets); len(found) > 0 {
		t.Errorf("locked, the daemon's memory holds %v, want nothing", found)
	}
	if err := l.client.Unlock(ctx, passphrase); err != nil {
		t.Fatal(err)
	}
	if _, err := l.client.Token(ctx, refresh); err != nil {
		t.Errorf("unlocked again: %v", err)
	}
}

// newFileLane is a lane over a file store that nobody has opened yet, without accounts.
func newFileLane(t *testing.T, clients ...oauthtest.Client) *lane {
	t.Helper()
	dir, err := os.MkdirTemp("", "o") // a socket's path has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	home := filepath.Join(dir, "home")
	l := &lane{program: buildPrograms(t).oauthd, dir: dir, ledger: newLedger()}
	l.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_RUNTIME_DIR=" + dir}
	config := filepath.Join(home, ".config", "oauthd", "config.toml")
	if err := os.MkdirAll(filepath.Dir(config), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte("[keystore]\nbackend = \"file\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l.provider, err = oauthtest.Listen(oauthtest.Config{Clients: clients, AutoApprove: true, AlwaysRefreshToken: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.provider.Close() })
	l.provider.Always(oauthtest.Token, l.ledger.fault)
	return l
}

// ageIdentity opens identity.age; key is what the text encodes.
func ageIdentity(t *testing.T, l *lane, passphrase string) (text, key []byte) {
	t.Helper()
	sealed, err := os.Open(filepath.Join(l.dir, "home", ".local", "state", "oauthd", "identity.age"))
	if err != nil {
		t.Fatal(err)
	}
	defer sealed.Close()
	opener, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := age.Decrypt(sealed, opener)
	if err != nil {
		t.Fatal(err)
	}
	if text, err = io.ReadAll(opened); err != nil {
		t.Fatal(err)
	}
	text = bytes.TrimSpace(text)
	identity, err := age.ParseX25519Identity(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return text, reflect.ValueOf(identity).Elem().FieldByName("secretKey").Bytes()
}

// search counts the secrets in what the daemon can write to.
func (l *lane) search(t *testing.T, secrets map[string][]byte) map[string]int {
	t.Helper()
	proc := fmt.Sprintf("/proc/%d/", l.daemon.Process.Pid)
	maps, err := os.ReadFile(proc + "maps")
	if err != nil {
		t.Fatal(err)
	}
	memory, err := os.Open(proc + "mem")
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	found := map[string]int{}
	for lines := bufio.NewScanner(bytes.NewReader(maps)); lines.Scan(); {
		if !strings.Contains(lines.Text(), " rw") {
			continue
		}
		var from, to int64
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x", &from, &to); err != nil {
			t.Fatal(err)
		}
		data := make([]byte, to-from)
		if _, err := memory.ReadAt(data, from); err != nil {
			t.Fatalf("read %s: %v", lines.Text(), err)
		}
		for name, secret := range secrets {
			if n := bytes.Count(data, secret); n > 0 {
				found[name] += n
			}
		}
	}
	return found
}
