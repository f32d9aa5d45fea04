package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"oauthd/daemon/account"
	"oauthd/daemon/oauthtest"
	"oauthd/daemon/vault"
	"oauthd/ipc/api"
	"oauthd/ipc/client"
	"oauthd/keystore"
)

// lane is a session of its own in the crash test: a store, a provider, accounts, and the daemon that is killed.
type lane struct {
	program  string // a name that no other lane's processes have
	dir      string
	env      []string
	provider *oauthtest.Running
	ledger   *ledger
	store    keystore.Store

	accounts []string // all but bystander, whose record nothing may touch
	before   []byte   // bystander's record

	daemon *exec.Cmd
	stderr bytes.Buffer
	client *client.Client

	kills, lost, kept int
}

const bystander = "bystander"

// large is an account whose record takes several items in a keychain.
const large = "large"

// newLane starts a session over the store that config, the text of a config.toml, names, and logs everybody in.
func newLane(t *testing.T, oauthd, dir string, env []string, config string, open func(program string) keystore.Store) *lane {
	t.Helper()
	l := &lane{dir: dir, env: env, ledger: newLedger(), accounts: []string{"work", "home", large}}
	l.program = filepath.Join(filepath.Dir(oauthd), fmt.Sprintf("oauthd-%s", filepath.Base(dir)))
	if err := os.Link(oauthd, l.program); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "home", ".config", "oauthd", "config.toml")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	l.store = open(l.program)

	scopes := []string{"openid", "email"}
	var clients []oauthtest.Client
	for _, name := range append(l.accounts, bystander) {
		clients = append(clients, oauthtest.Client{ID: name, RedirectURIs: []string{"http://127.0.0.1/callback"}})
	}
	for i := range 50 {
		scopes = append(scopes, fmt.Sprintf("https://api.example.com/auth/%02d/%s", i, strings.Repeat("x", 40)))
	}
	var err error
	l.provider, err = oauthtest.Listen(oauthtest.Config{Clients: clients, Scopes: scopes, AutoApprove: true, AlwaysRefreshToken: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.provider.Close() })
	l.provider.Always(oauthtest.Token, l.ledger.fault)

	l.start(t)
	t.Cleanup(func() { l.kill(t) })
	for _, name := range append(l.accounts, bystander) {
		definition := api.AccountDefinition{Issuer: l.provider.Issuer(), ClientID: name, Scopes: scopes[:2]}
		if name == large {
			definition.Scopes = scopes
		}
		l.login(t, name, definition)
	}
	if l.before, err = l.store.Get(t.Context(), bystander); err != nil {
		t.Fatal(err)
	}
	return l
}

// start runs a daemon and returns when it listens.
func (l *lane) start(t *testing.T) {
	t.Helper()
	ready, tell, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer ready.Close()
	l.stderr.Reset()
	l.daemon = exec.Command(l.program, "serve", "--log-level", "warn", "--ready-fd", "3")
	l.daemon.Env, l.daemon.Dir, l.daemon.Stderr, l.daemon.ExtraFiles = l.env, "/", &l.stderr, []*os.File{tell}
	err = l.daemon.Start()
	_ = tell.Close()
	if err != nil {
		l.daemon = nil
		t.Fatal(err)
	}
	var told readiness
	if err := json.NewDecoder(ready).Decode(&told); err != nil || told.Error != nil {
		l.kill(t)
		t.Fatalf("the daemon is not ready: %v, %v, stderr %s", err, told.Error, l.stderr.String())
	}
	l.client = &client.Client{Socket: told.Socket}
}

// kill ends the daemon with SIGKILL, if one runs.
func (l *lane) kill(t *testing.T) {
	t.Helper()
	if l.daemon == nil {
		return
	}
	_ = l.daemon.Process.Kill()
	_ = l.daemon.Wait()
	l.daemon = nil
	if l.client != nil {
		_ = l.client.Close()
	}
	if kinds := leaks(l.stderr.String(), true); len(kinds) > 0 {
		t.Errorf("the daemon's log holds %s", strings.Join(kinds, ", "))
	}
}

// settle waits until the calls to the keychain that a killed daemon has left behind have ended.
func (l *lane) settle(t *testing.T) {
	t.Helper()
	waitFor(t, "the end of calls to the keychain", func() bool {
		files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil && bytes.HasPrefix(text, []byte(l.program+"\x00")) {
				return false
			}
		}
		return true
	})
}

// login authorizes an account; a definition is for a new one.
func (l *lane) login(t *testing.T, name string, definition api.AccountDefinition) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	var browser sync.WaitGroup
	defer browser.Wait()
	err := l.client.Login(ctx, name, definition, func(e api.LoginEvent) error {
		if e.Event == api.EventAuthorize {
			browser.Go(func() {
				if _, err := oauthtest.Follow(ctx, nil, e.URL, oauthtest.Allow); err != nil {
					t.Error(err)
				}
			})
		}
		return nil
	})
	if err != nil {
		t.Fatalf("log in %s: %v, daemon's stderr %s", name, err, l.stderr.String())
	}
}

// refresh asks for a new token of an account.
func (l *lane) refresh(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, waitLimit)
	defer cancel()
	token, err := l.client.Token(ctx, api.TokenRequest{Account: name, Force: true})
	if err != nil {
		return err
	}
	return l.ledger.serve(name, token.AccessToken)
}

// record reads an account's record.
func (l *lane) record(t *testing.T, name string) account.Credential {
	t.Helper()
	c, err := vault.New(l.store).Load(t.Context(), name)
	if err != nil {
		t.Fatalf("after %d kills, the record of %s: %v", l.kills, name, err)
	}
	return c
}

// inspect looks at every record after a kill, and returns the accounts whose logins are lost.
func (l *lane) inspect(t *testing.T) (lost []string) {
	t.Helper()
	l.kills++
	for _, name := range l.accounts {
		stored := l.record(t, name).RefreshToken.Reveal()
		gone, err := l.ledger.judge(name, stored)
		if err != nil {
			t.Fatalf("kill %d: %v", l.kills, err)
		}
		if active := l.provider.Active(stored); active == gone {
			t.Fatalf("kill %d: the refresh token of %s in the store is active %t, and spent %t", l.kills, name, active, gone)
		}
		if gone {
			lost = append(lost, name)
		}
	}
	raw, err := l.store.Get(t.Context(), bystander)
	if err != nil || !bytes.Equal(raw, l.before) {
		t.Fatalf("kill %d: the record of an account that nobody asked for has changed: %d bytes of %d, %v",
			l.kills, len(raw), len(l.before), err)
	}
	if len(lost) > 0 {
		l.lost++
	} else {
		l.kept++
	}
	return lost
}

// recover logs in again where a login was lost, after the provider has said so.
func (l *lane) recover(t *testing.T, lost []string) {
	t.Helper()
	for _, name := range lost {
		before := l.record(t, name)
		if err := l.refresh(t.Context(), name); !errors.Is(err, &api.Error{Code: api.LoginRequired}) {
			t.Fatalf("%s, whose refresh token is spent: got %v, want %s", name, err, api.LoginRequired)
		}
		if after := l.record(t, name); !after.Dead || !after.RefreshToken.Equal(before.RefreshToken) {
			t.Errorf("%s: got a record that is dead %t, want it marked and nothing deleted", name, after.Dead)
		}
		l.login(t, name, api.AccountDefinition{})
	}
}

// everybody refreshes every account once, and all must succeed.
func (l *lane) everybody(t *testing.T) {
	t.Helper()
	for _, name := range l.accounts {
		if err := l.refresh(t.Context(), name); err != nil {
			t.Errorf("after %d kills, %s: got %v, want a token", l.kills, name, err)
		}
	}
}

// clients asks for new tokens of all accounts, again and again, until ctx ends. An error before that is reported.
func (l *lane) clients(ctx context.Context, t *testing.T, killed <-chan struct{}) (wait func()) {
	var asking sync.WaitGroup
	for _, name := range l.accounts {
		asking.Go(func() {
			for ctx.Err() == nil {
				if err := l.refresh(ctx, name); err != nil {
					select {
					case <-killed:
					case <-ctx.Done():
					default:
						t.Errorf("%s, before kill %d: %v", name, l.kills+1, err)
					}
					return
				}
			}
		})
	}
	return asking.Wait
}
