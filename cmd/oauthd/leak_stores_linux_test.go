package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"oauthd/daemon/oauthtest"
	"oauthd/keystore/storetest"
)

func (w *leakWorld) configure(store string) {
	w.write(w.path(".config", "oauthd", "config.toml"), fmt.Sprintf("[keystore]\nbackend = %q\n", store))
}

// relock closes the store and opens it.
func (w *leakWorld) relock() {
	w.begin("", "lock").want(0, "locked")
	w.begin("", "token", "work").want(5, "locked")
	w.begin(w.file("wrong"), "unlock", "--passphrase-stdin").want(5, "wrong")
	w.begin("", "status", "--json").want(0, "locked")
	w.begin(w.file("passphrase"), "unlock", "--passphrase-stdin").want(0, "unlocked")
}

// move brings all credentials to a keychain, at first to one that stores nothing and quotes what it was given.
func (w *leakWorld) move() {
	w.begin("", "stop").want(0, "ended")
	_ = w.daemon.Wait()
	plain := w.env
	defer func() { w.env = plain }()
	w.env = append(slices.Clone(plain), "OAUTHD_PASSPHRASE_FILE="+filepath.Join(w.outside, "passphrase"))
	w.keyring.Follow(storetest.Script{Set: storetest.FailsWithText})
	w.begin("", "keystore", "migrate", "--to", "keychain").want(8, "")
	w.keyring.Follow(storetest.Script{})
	w.begin("", "keystore", "migrate", "--to", "keychain").want(0, "moved from file to keychain")
	w.configure("keychain")
	w.env = plain
	w.serve()
}

// keychain looks at the process that talks to the keychain while it holds a secret, and has the keychain quote it.
func (w *leakWorld) keychain() {
	hold := w.keyring.HoldSet(func(string) bool { return true }, true)
	defer hold.Release()
	refresh := w.begin("", "token", "work", "--force")
	if !poll(func() bool { w.sweep(); return w.seenVerb("oauthd " + keychainChild) }) {
		w.t.Error("no process for the keychain was seen")
	}
	hold.Release()
	refresh.want(0, "at-")
	w.keyring.Follow(storetest.Script{Set: storetest.FailsWithText})
	w.begin("", "token", "work", "--force").end()
	w.begin("", "status", "--json").want(0, "degraded")
	w.keyring.Follow(storetest.Script{})
	w.begin("", "token", "work", "--force").end()
}

func (w *leakWorld) seenVerb(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.verbs[name] > 0
}

// crash ends the daemon in the middle of a refresh, in the way in which Go shows what all goroutines do.
func (w *leakWorld) crash() {
	arrived, release := make(chan struct{}), make(chan struct{})
	arrive := sync.OnceFunc(func() { close(arrived) })
	w.login("held", oauthtest.Allow).want(0, "logged in")
	w.become("held", &hostileReply{"a wait", asItIs, func(http.ResponseWriter, string) { arrive(); <-release }})
	defer close(release)
	refresh := w.begin("", "token", "held", "--force")
	select {
	case <-arrived:
	case <-time.After(waitLimit):
		w.t.Fatal("no refresh has reached the provider")
	}
	if err := w.daemon.Process.Signal(syscall.SIGABRT); err != nil {
		w.t.Fatal(err)
	}
	_ = w.daemon.Wait()
	refresh.end()
	if !strings.Contains(w.log.String(), "goroutine ") {
		w.t.Error("the daemon has not shown its goroutines")
	}
	w.become("held", nil)
	w.serve()
}

// networkGone has nobody listen where the provider was.
func (w *leakWorld) networkGone() {
	_ = w.provider.Close()
	w.run("", "token", "work", "--force")
	w.begin("", "logout", "work").want(0, "not revoked")
	w.begin(w.file("secret"), append([]string{"login", "work"}, w.loginFlags("work")...)...).want(7, "")
	w.begin("", "account", "remove", "held").want(0, "")
	w.begin("", "audit", "--json").want(0, "logout")
	w.begin("", "status", "--json").want(0, "keychain")
	w.begin("", "stop").want(0, "ended")
	_ = w.daemon.Wait()
}
