//go:build linux

package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// allow writes into an account's file where its tokens may be used.
func (d *clientDesk) allow(t *testing.T, account string, hosts ...string) {
	t.Helper()
	file := filepath.Join(d.dir, "config", "accounts", account+".toml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var changed strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "hosts = ") {
			changed.WriteString(line)
		}
	}
	quoted := make([]string, len(hosts))
	for i, host := range hosts {
		quoted[i] = fmt.Sprintf("%q", host)
	}
	fmt.Fprintf(&changed, "hosts = [%s]\n", strings.Join(quoted, ", "))
	if err := os.WriteFile(file, []byte(changed.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.client.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// newest is the token that a server takes; "" if there is none.
func (d *clientDesk) newest(r *http.Request, account string) string {
	token, err := d.client.Token(r.Context(), api.TokenRequest{Account: account})
	if err != nil {
		return ""
	}
	return token.AccessToken
}

// obstacle is what can keep a token of an account back.
type obstacle struct {
	name string
	// want is what a person has to see.
	want string
	put  func(t *testing.T) error
}

// obstacles are to be put in that order; each removes the one before it.
func (d *clientDesk) obstacles(account string, provider *oauthtest.Running) []obstacle {
	return []obstacle{
		{"a locked store", "oauthd unlock", func(t *testing.T) error { return d.client.Lock(t.Context()) }},
		{"an outage", "you are still logged in; try again later", func(t *testing.T) error {
			provider.Always(oauthtest.Token, oauthtest.Status(http.StatusServiceUnavailable))
			return d.client.Unlock(t.Context(), "")
		}},
		{"a login that ended", "oauthd login " + account, func(t *testing.T) error {
			_, err := d.client.Logout(t.Context(), account)
			return err
		}},
	}
}
