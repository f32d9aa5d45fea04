package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"oauthd/keystore"
	"oauthd/keystore/storetest"

	"filippo.io/age"
)

// leastKills is how many kill -9 TestCrash takes in all.
const leastKills = 300

// TestCrash kills the daemon with SIGKILL, at random moments and at each step of a refresh, while clients ask for new
// tokens at a provider that revokes the whole grant when a refresh token comes twice. Whatever the moment: every record
// stays readable, no other account's is touched, and a login is lost only where the provider had answered and the new
// refresh token was not saved, which is before any caller was served.
func TestCrash(t *testing.T) {
	storetest.Need(t, "go", "dbus-daemon", "gnome-keyring-daemon")
	h := newHouse(t)
	var kills, lost atomic.Int64
	t.Run("stores", func(t *testing.T) {
		for _, test := range []struct {
			name  string
			lanes int
			kills int // of each lane
			run   func(*testing.T, *house, int) *lane
		}{
			{"at random moments, gnome-keyring", 2, 60, crashKeyring},
			{"at random moments, files", 2, 50, crashFiles},
			{"at every step, scripted Secret Service", 2, 42, crashScripted},
		} {
			for i := range test.lanes {
				t.Run(fmt.Sprintf("%s %d", test.name, i), func(t *testing.T) {
					t.Parallel()
					l := test.run(t, h, test.kills)
					t.Logf("%d kills, %d of them lost a login, %d lost nothing", l.kills, l.lost, l.kept)
					kills.Add(int64(l.kills))
					lost.Add(int64(l.lost))
				})
			}
		}
	})
	t.Logf("in all %d kills, %d of them between the provider's answer and the save", kills.Load(), lost.Load())
	if kills.Load() < leastKills && !t.Failed() {
		t.Errorf("got %d kills, want at least %d", kills.Load(), leastKills)
	}
}

const keychainConfig = "[keystore]\nbackend = \"keychain\"\n"

func keychainOf(env []string) func(program string) keystore.Store {
	return func(program string) keystore.Store {
		return keystore.NewKeychain(keystore.KeychainConfig{
			Service: "oauthd", Command: []string{program, keychainChild}, Env: env, Timeout: waitLimit,
		})
	}
}

func crashKeyring(t *testing.T, h *house, kills int) *lane {
	keyring := storetest.StartKeyring(t, storetest.Keyring{})
	l := newLane(t, h.oauthd, keyring.Dir, keyring.Env(), keychainConfig, keychainOf(keyring.Env()))
	l.killAtRandom(t, kills)
	return l
}

func crashFiles(t *testing.T, h *house, kills int) *lane {
	dir, err := os.MkdirTemp("", "o") // a socket's path has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	home := filepath.Join(dir, "home")
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(dir, "keys") // a passphrase would cost half a second at each start
	if err := os.WriteFile(keys, []byte(key.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("[keystore]\nbackend = \"file\"\nidentity = %q\n", keys)
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_RUNTIME_DIR=" + dir}
	l := newLane(t, h.oauthd, dir, env, config, func(string) keystore.Store {
		files := keystore.NewFile(keystore.FileConfig{Dir: filepath.Join(home, ".local", "state", "oauthd"), Identity: keys})
		if err := files.Open(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		return files
	})
	l.killAtRandom(t, kills)
	return l
}

// killAtRandom kills the daemon again and again, within the time that a few refreshes take.
func (l *lane) killAtRandom(t *testing.T, kills int) {
	l.everybody(t)
	for range kills {
		ctx, cancel := context.WithCancel(t.Context())
		killed := make(chan struct{})
		wait := l.clients(ctx, t, killed)
		<-time.After(rand.N(150 * time.Millisecond)) // nothing in the program knows of that moment
		close(killed)
		l.kill(t)
		cancel()
		wait()
		l.settle(t)
		lost := l.inspect(t)
		l.start(t)
		l.recover(t, lost)
	}
	l.everybody(t)
}

// A step is where in a refresh of an account the daemon is killed, and what becomes of the login.
type step struct {
	name string
	lost bool
	// reach arranges that the account's refresh stops there, and returns what reports it, and what happens once the
	// daemon is dead.
	reach func(l *lane, s *storetest.Scripted, account string) (arrived <-chan struct{}, afterwards func())
}

func steps() []step {
	provider := func(answer bool) func(*lane, *storetest.Scripted, string) (<-chan struct{}, func()) {
		return func(l *lane, _ *storetest.Scripted, account string) (<-chan struct{}, func()) {
			return l.ledger.hold(account, answer).arrived, func() {}
		}
	}
	head := func(account string) func(string) bool { return func(name string) bool { return name == account } }
	first := func(account string) func(string) bool {
		return func(name string) bool { return name == account || strings.HasPrefix(name, account+"/") }
	}
	save := func(item func(string) func(string) bool, stored bool, end func(*storetest.Hold)) func(
		*lane, *storetest.Scripted, string) (<-chan struct{}, func()) {
		return func(_ *lane, s *storetest.Scripted, account string) (<-chan struct{}, func()) {
			hold := s.HoldSet(item(account), stored)
			return hold.Arrived, func() { end(hold) }
		}
	}
	return []step{
		{"before the provider reads the request", false, provider(false)},
		{"before the provider answers", true, provider(true)},
		{"in the save, which fails at its beginning", true, save(first, false, (*storetest.Hold).Refuse)},
		{"in the save, which fails at its end", true, save(head, false, (*storetest.Hold).Refuse)},
		{"in the save, which is done all the same", false, save(head, false, (*storetest.Hold).Release)},
		{"when it is saved and the daemon does not know", false, save(head, true, (*storetest.Hold).Refuse)},
		{"after the save", false, nil},
	}
}

func crashScripted(t *testing.T, h *house, kills int) *lane {
	service := storetest.StartScripted(t, storetest.Script{})
	l := newLane(t, h.oauthd, service.Dir, service.Env(), keychainConfig, keychainOf(service.Env()))
	l.everybody(t)
	for i := range kills {
		s := steps()[i%len(steps())]
		account := l.accounts[i/len(steps())%len(l.accounts)]
		l.killAt(t, service, s, account)
		if t.Failed() {
			t.Fatalf("that was %s, %s", account, s.name)
		}
	}
	l.everybody(t)
	return l
}

// killAt kills the daemon at step s of a refresh of account, while another account is refreshed again and again.
func (l *lane) killAt(t *testing.T, service *storetest.Scripted, s step, account string) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	if s.reach == nil {
		if err := l.refresh(ctx, account); err != nil {
			t.Fatal(err)
		}
		l.kill(t)
	} else {
		arrived, afterwards := s.reach(l, service, account)
		defer afterwards()
		go func() { ended <- l.refresh(ctx, account) }()
		select {
		case <-arrived:
		case err := <-ended:
			t.Fatalf("%s got %v before the kill, want it held", account, err)
		case <-time.After(waitLimit):
			t.Fatal("the refresh did not come to the step")
		}
		l.kill(t)
		cancel()
		if err := <-ended; err == nil {
			t.Errorf("%s was served, want it held", account)
		}
		afterwards()
	}
	l.settle(t)
	lost := l.inspect(t)
	if got, want := len(lost) == 1 && lost[0] == account, s.lost; got != want || len(lost) > 1 {
		t.Errorf("got lost logins %q, want that of %s %t", lost, account, want)
	}
	l.start(t)
	l.recover(t, lost)
}
