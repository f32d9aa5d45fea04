package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oauthd/ipc/api"
	"oauthd/keystore/storetest"
)

// faultLimit is how long a command may take whose keychain call hangs until its deadline of 3 s: with much room, as the
// machine may be busy. What does not come by itself takes forever.
const faultLimit = 20 * time.Second

// TestKeychainFaults plays what a keychain does wrong, over the program as it is built.
func TestKeychainFaults(t *testing.T) {
	storetest.Need(t, "go", "dbus-daemon", "gnome-keyring-daemon", "secret-tool")
	h := newHouse(t)
	t.Run("all", func(t *testing.T) { // returns when the parallel parts have
		t.Run("from the start", func(t *testing.T) { testFaultsFromTheStart(t, h) })
		t.Run("under way", func(t *testing.T) { testFaultsUnderWay(t, h) })
		t.Run("a save that fails is made up for", func(t *testing.T) { testSaveIsMadeUpFor(t, h) })
		t.Run("killed and restarted", func(t *testing.T) { testKeyringRestarts(t, h) })
		t.Run("another writer", func(t *testing.T) { testAnotherWriter(t, h) })
		t.Run("a record too large", func(t *testing.T) { testRecordTooLarge(t, h) })
	})
	if left := processesOf(h.oauthd); len(left) > 0 {
		t.Errorf("processes of oauthd are left: %q", left)
	}
}

// processesOf returns the command lines of the processes that run program.
func processesOf(program string) (lines []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && strings.HasPrefix(string(text), program+"\x00") {
			lines = append(lines, strings.ReplaceAll(string(text), "\x00", " "))
		}
	}
	return lines
}

// deskAt is a session with that bus and no other place to find one.
func deskAt(t *testing.T, h *house, dir string, env []string) *desk {
	t.Helper()
	d := &desk{oauthd: h.oauthd, dir: dir, env: env, provider: startZitadel(t)}
	t.Cleanup(func() {
		d.leave(t)
		for _, name := range []string{"dbus-launch", "dbus-daemon --syslog"} {
			if left := processesIn(dir, name); len(left) > 0 {
				t.Errorf("an orphan is left: %q", left)
			}
		}
	})
	return d
}

// processesIn returns the command lines that contain what of processes whose HOME is in dir.
func processesIn(dir, what string) (lines []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		environ, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(environ), "HOME="+dir) {
			continue
		}
		text, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
		if line := strings.ReplaceAll(string(text), "\x00", " "); strings.Contains(line, what) {
			lines = append(lines, line)
		}
	}
	return lines
}

// session is a home and a runtime directory with the bus at address; "" for none.
func session(t *testing.T, address string) (dir string, env []string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "o") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Mkdir(filepath.Join(dir, "home"), 0o700); err != nil {
		t.Fatal(err)
	}
	env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(dir, "home"), "XDG_RUNTIME_DIR=" + dir}
	if address != "" {
		env = append(env, "DBUS_SESSION_BUS_ADDRESS="+address)
	}
	return dir, env
}

// deadBus is the address of a bus that was: its socket is there and nobody listens.
func deadBus(t *testing.T) string {
	t.Helper()
	dir, _ := session(t, "")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "dead-bus"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	return "unix:path=" + filepath.Join(dir, "dead-bus")
}

func scripted(t *testing.T, script storetest.Script) (dir string, env []string) {
	t.Helper()
	s := storetest.StartScripted(t, script)
	return s.Dir, s.Env()
}

// quickly runs an oauthd that must end by itself long before a person gives up.
func (d *desk) quickly(t *testing.T, args ...string) result {
	t.Helper()
	began := time.Now()
	r := d.run(t, args...)
	if took := time.Since(began); took > faultLimit {
		t.Errorf("oauthd %s: took %v, want the keychain's 3 s", strings.Join(args, " "), took)
	}
	return r
}

func wantFault(t *testing.T, what string, r result, code api.Code, message string) {
	t.Helper()
	if r.exit != code.ExitStatus() || r.stdout != "" || !strings.Contains(r.stderr, message) || !strings.Contains(r.stderr, "\nhint: ") {
		t.Errorf("%s: got exit %d, stdout of %d bytes, stderr %s; want %d, %q and a hint",
			what, r.exit, len(r.stdout), r.stderr, code.ExitStatus(), message)
	}
}

func testFaultsFromTheStart(t *testing.T, h *house) {
	for _, tc := range []struct {
		name    string
		open    func(*testing.T) (dir string, env []string)
		code    api.Code
		state   string
		message string
	}{
		{"no bus", func(t *testing.T) (string, []string) {
			if _, err := os.Stat("/run/user/0/bus"); err == nil || os.Getuid() != 0 {
				t.Skip("without an address this person's own bus would be used")
			}
			return session(t, "")
		}, api.KeystoreUnavailable, "unavailable", "there is no session bus"},
		{"a bus address without a bus", func(t *testing.T) (string, []string) {
			return session(t, "unix:path=/nonexistent/bus")
		}, api.KeystoreUnavailable, "unavailable", "there is no session bus"},
		{"a dead bus", func(t *testing.T) (string, []string) { return session(t, deadBus(t)) },
			api.KeystoreUnavailable, "unavailable", "there is no session bus"},
		{"a mute bus", func(t *testing.T) (string, []string) { return session(t, storetest.MuteBus(t)) },
			api.KeystoreUnavailable, "unavailable", "in time"},
		{"no service", func(t *testing.T) (string, []string) { return session(t, storetest.StartBus(t)) },
			api.KeystoreUnavailable, "unavailable", "nothing on the session bus stores secrets"},
		{"never initialised", func(t *testing.T) (string, []string) {
			k := storetest.StartKeyring(t, storetest.Keyring{Locked: true})
			return k.Dir, k.Env()
		}, api.KeystoreLocked, "locked", "the keychain is locked"},
		{"locked", func(t *testing.T) (string, []string) {
			k := storetest.StartKeyring(t, storetest.Keyring{})
			k.Lock(t)
			return k.Dir, k.Env()
		}, api.KeystoreLocked, "locked", "the keychain is locked"},
		{"a prompt that nobody answers", func(t *testing.T) (string, []string) {
			return scripted(t, storetest.Script{Unlock: storetest.Ignored})
		}, api.KeystoreUnavailable, "unavailable", "in time"},
		{"a prompt that is dismissed", func(t *testing.T) (string, []string) {
			return scripted(t, storetest.Script{Unlock: storetest.Dismissed})
		}, api.KeystoreLocked, "locked", "the keychain is locked"},
		{"the service dies under its prompt", func(t *testing.T) (string, []string) {
			return scripted(t, storetest.Script{Unlock: storetest.ServiceDies})
		}, api.KeystoreUnavailable, "unavailable", "no keychain is available"},
		{"the bus dies under a prompt", func(t *testing.T) (string, []string) {
			return scripted(t, storetest.Script{Unlock: storetest.BusDiesAfter})
		}, api.KeystoreUnavailable, "unavailable", "no keychain is available"},
		{"a save whose prompt is dismissed", func(t *testing.T) (string, []string) {
			return scripted(t, storetest.Script{Set: storetest.Dismissed})
		}, api.KeystoreUnavailable, "ok", "did not store the record"},
		{"a save whose prompt nobody answers", func(t *testing.T) (string, []string) {
			return scripted(t, storetest.Script{Set: storetest.Ignored})
		}, api.KeystoreUnavailable, "ok", "in time"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir, env := tc.open(t)
			d := deskAt(t, h, dir, env)
			r := d.quickly(t, append([]string{"login", "work", "--no-browser"}, d.workFlags()...)...)
			wantRefusedBeforeBrowser(t, d, r, tc.code)
			wantFault(t, "oauthd login", r, tc.code, tc.message)
			if tc.state == "ok" { // only a save fails
				if got := d.status(t).Store; got.State != "ok" {
					t.Errorf("status: got store %+v, want ok", got)
				}
				return
			}
			// An account whose record cannot be read.
			if err := os.MkdirAll(filepath.Dir(d.accountFile("kept")), 0o700); err != nil {
				t.Fatal(err)
			}
			text := "issuer = \"" + d.provider.issuer + "\"\nclient_id = \"" + publicClient + "\"\n"
			if err := os.WriteFile(d.accountFile("kept"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			wantState := api.StateError
			if tc.code == api.KeystoreLocked {
				wantState = api.StateLocked
			}
			r = d.quickly(t, "token", "kept")
			if tc.name != "the bus dies under a prompt" && tc.name != "the service dies under its prompt" { // by now there is none
				wantFault(t, "oauthd token", r, tc.code, tc.message)
			} else {
				wantFault(t, "oauthd token", r, tc.code, "no keychain is available")
			}
			s := d.status(t)
			if len(s.Accounts) != 1 || s.Accounts[0].State != wantState {
				t.Errorf("status: got %+v, want one account, %s", s.Accounts, wantState)
			}
			if s.Store.State != tc.state || s.Store.Detail == "" {
				t.Errorf("status: got store %+v, want %s and why", s.Store, tc.state)
			}
		})
	}
}

// testFaultsUnderWay plays faults that come once tokens are at hand: they are served on, and no refresh token is spent.
func testFaultsUnderWay(t *testing.T, h *house) {
	for _, tc := range []struct {
		name    string
		script  storetest.Script
		code    api.Code
		message string
	}{
		{"a prompt that nobody answers", storetest.Script{Unlock: storetest.Ignored}, api.KeystoreUnavailable, "in time"},
		{"a prompt that is dismissed", storetest.Script{Unlock: storetest.Dismissed}, api.KeystoreLocked, "the keychain is locked"},
		{"the service dies", storetest.Script{Unlock: storetest.ServiceDies}, api.KeystoreUnavailable, "no keychain is available"},
		{"the bus dies", storetest.Script{Unlock: storetest.BusDies}, api.KeystoreUnavailable, "no keychain is available"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := storetest.StartScripted(t, storetest.Script{})
			d := deskAt(t, h, s.Dir, s.Env())
			d.loginWork(t)
			d.login(t, "other", d.workFlags()...)
			served := d.token(t, "other")
			for range cap(s.Prompted) {
				select {
				case <-s.Prompted:
				default:
				}
			}
			s.Follow(tc.script)
			forced := d.start(t, "", "token", "work", "--force")
			select {
			case <-s.Prompted: // the call to the keychain is under way, and may hang
			case <-time.After(waitLimit):
				t.Fatal("the keychain was not asked")
			}
			for _, name := range []string{"other", "work"} {
				if r := d.run(t, "token", name); r.exit != 0 || name == "other" && r.stdout != served+"\n" {
					t.Errorf("oauthd token %s meanwhile: got exit %d, stderr %s, want the cached token", name, r.exit, r.stderr)
				}
			}
			wantFault(t, "oauthd token --force", forced.wait(t), tc.code, tc.message)
			if got := d.provider.refreshCount(); got != 0 {
				t.Errorf("got %d refreshes while nothing could be saved, want none", got)
			}
		})
	}
}

// testSaveIsMadeUpFor lets the save of a rotated credential fail: the token is served, and once the service takes
// records again the credential gets there by itself.
func testSaveIsMadeUpFor(t *testing.T, h *house) {
	for _, tc := range []struct {
		name   string
		script storetest.Script
	}{
		{"refused", storetest.Script{Set: storetest.FailsWithText}},
		{"dismissed", storetest.Script{Set: storetest.Dismissed}},
		{"unanswered", storetest.Script{Set: storetest.Ignored}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := storetest.StartScripted(t, storetest.Script{})
			d := deskAt(t, h, s.Dir, s.Env())
			d.loginWork(t)
			watch := d.start(t, "", "watch", "work")
			s.Follow(tc.script)
			d.token(t, "work", "--force")
			if s := d.status(t); len(s.Accounts) != 1 || !s.Accounts[0].Degraded || s.Accounts[0].State != api.StateReady {
				t.Errorf("status: got %+v, want one account, ready and degraded", s.Accounts)
			}
			d.token(t, "work")
			s.Follow(storetest.Script{})
			waitFor(t, "the credential to be saved", func() bool { return !d.status(t).Accounts[0].Degraded })
			d.kill(t) // so that only the store knows
			<-watch.ended
			degraded := strings.Index(watch.stdout.String(), `"degraded":true`)
			if degraded < 0 || !strings.Contains(watch.stdout.String()[degraded:], `"degraded":false`) {
				t.Error("watch did not tell that the account was degraded, and that it was no longer")
			}
			watch.wait(t)
			d.token(t, "work")
		})
	}
}

// testKeyringRestarts kills, stops and restarts a real keyring.
func testKeyringRestarts(t *testing.T, h *house) {
	t.Parallel()
	d := newDesk(t, h, storetest.Keyring{})
	d.loginWork(t)
	d.keyring.Stop(t)
	r := d.quickly(t, "token", "work", "--force")
	wantFault(t, "stopped", r, api.KeystoreUnavailable, "in time")
	d.token(t, "work")
	d.keyring.Continue(t)
	d.token(t, "work", "--force")

	d.keyring.Kill(t)
	r = d.quickly(t, "token", "work", "--force")
	wantFault(t, "killed", r, api.KeystoreUnavailable, "nothing on the session bus stores secrets")
	d.token(t, "work")
	if got := d.status(t).Store.State; got != "unavailable" {
		t.Errorf("status: got store %q, want unavailable", got)
	}
	if got := d.provider.refreshCount(); got != 1 {
		t.Errorf("got %d refreshes, want the one between the faults", got)
	}
	d.keyring.Restart(t)
	d.token(t, "work", "--force")
	if got := d.status(t).Store.State; got != "ok" {
		t.Errorf("status: got store %q, want ok", got)
	}
}

// testAnotherWriter has somebody else overwrite a record, and remove it.
func testAnotherWriter(t *testing.T, h *house) {
	t.Parallel()
	d := newDesk(t, h, storetest.Keyring{})
	d.loginWork(t)
	d.login(t, "other", d.workFlags()...)
	tool := func(stdin string, args ...string) {
		t.Helper()
		cmd := exec.Command("secret-tool", args...)
		cmd.Env, cmd.Stdin = d.env, strings.NewReader(stdin)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("secret-tool %s: %v, %d bytes of output", args[0], err, len(out))
		}
	}
	tool("something else", "store", "--label=x", "service", "oauthd", "username", "work")
	r := d.quickly(t, "token", "work", "--force")
	wantFault(t, "overwritten", r, api.Internal, "the record of this account in the keychain is damaged")
	d.token(t, "other", "--force")
	d.loginWork(t)
	d.token(t, "work", "--force")

	tool("", "clear", "service", "oauthd", "username", "work")
	r = d.quickly(t, "token", "work", "--force")
	wantFault(t, "removed", r, api.LoginRequired, "its credential has been missing from the store since")
	d.token(t, "other", "--force")
}

// testRecordTooLarge logs in where the refresh token makes the record larger than a keychain is given.
func testRecordTooLarge(t *testing.T, h *house) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/authorize", func(w http.ResponseWriter, r *http.Request) {
		answer := url.Values{"state": {r.FormValue("state")}, "code": {"of-no-matter"}}
		http.Redirect(w, r, r.FormValue("redirect_uri")+"?"+answer.Encode(), http.StatusFound)
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"access_token":"of-no-matter","token_type":"Bearer","refresh_token":%q}`, strings.Repeat("r", 80_000))
	})
	provider := httptest.NewServer(mux)
	t.Cleanup(provider.Close)
	d := newDesk(t, h, storetest.Keyring{})
	d.loginWork(t)
	d.env = append(d.env, "BROWSER="+h.agent+" allow %s")
	file := strings.ReplaceAll(`{"installed":{"client_id":"large","client_secret":"of-no-matter","auth_uri":"URL/authorize",
		"token_uri":"URL/token","redirect_uris":["http://127.0.0.1"]}}`, "URL", provider.URL)
	login := d.start(t, file, "login", "large", "--client-secrets", "-")
	wantFault(t, "oauthd login", login.wait(t), api.KeystoreFull, "does not take a record of this size")
	if _, err := os.Stat(d.accountFile("large")); err == nil {
		t.Error("the account's file was written although nothing could be kept")
	}
	d.token(t, "work", "--force")
}
