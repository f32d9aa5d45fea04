package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"oauthd/ipc/api"
)

// testPlantedFirst has another user be first where a daemon would make its directory and what is in it.
func testPlantedFirst(t *testing.T, h *house) {
	v := newVictim(t, h)
	a := newAttacker(t, v)
	if err := errors.Join(os.Mkdir(v.path("shared"), 0o700), os.Chmod(v.path("shared"), 0o777|os.ModeSticky)); err != nil {
		t.Fatal(err)
	}
	for _, place := range []struct{ at, variable string }{
		{fmt.Sprintf("/tmp/oauthd-%d", v.uid), "XDG_RUNTIME_DIR="}, // there is no such user, and so no /run/user/UID
		{v.path("shared/oauthd"), "XDG_RUNTIME_DIR=" + v.path("shared")},
	} {
		for _, plant := range []struct{ name, script, listen string }{
			{"a directory", `mkdir -m 777 "$AT"`, ""},
			{"a directory with a socket", `mkdir -m 755 "$AT"`, "oauthd.sock"},
			{"a directory with a lock", `mkdir -m 755 "$AT"; echo '{"pid":1,"socket":"/nowhere"}' >"$AT/oauthd.lock"`, ""},
			{"a link to a directory", `rm -rf "$MINE/dir"; mkdir -m 755 "$MINE/dir"; ln -s "$MINE/dir" "$AT"`, "oauthd.sock"},
			{"a link to the home", `ln -s "$HIS_HOME" "$AT"`, ""},
			{"a link to nothing", `ln -s "$MINE/nothing" "$AT"`, ""},
			{"a socket", `:`, "."},
			{"a file", `: >"$AT"`, ""},
		} {
			t.Run(plant.name+" at "+filepath.Dir(place.at), func(t *testing.T) {
				if out, err := a.run(t, plant.script, "AT="+place.at, "HIS_HOME="+v.path("home")); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				t.Cleanup(func() { _ = os.RemoveAll(place.at) })
				check := func() {}
				if plant.listen != "" {
					f := a.listen(t, filepath.Join(place.at, plant.listen))
					check = func() { f.wantNothing(t, "unix", f.at) }
				}
				before := listing(t, place.at, v.path("home"), a.dir)
				v.wantNoDaemonAt(t, place.at, append(v.env[:1:1], place.variable))
				check()
				if after := listing(t, place.at, v.path("home"), a.dir); after != before {
					t.Errorf("files: got\n%s\nwant\n%s", after, before)
				}
			})
		}
	}
	v.wantWell(t, v.daemon(t)) // at its own place
}

// wantNoDaemonAt checks that no command uses a place that is another user's, and that each says whose it is and what to
// do.
func (v *victim) wantNoDaemonAt(t *testing.T, at string, env []string) {
	t.Helper()
	for verb, args := range v.commands() {
		r := v.runIn(t, "/", env, args...)
		known := r.exit == api.ConfigInvalid.ExitStatus() || r.exit == api.Forbidden.ExitStatus() || verb == "status" && r.exit == api.NoDaemon.ExitStatus()
		if !known || r.stdout != "" || !strings.Contains(r.stderr, at+" belongs to uid 65534, not to you") || !strings.Contains(r.stderr, "\nhint: ") {
			t.Errorf("%s: got exit %d, %q, %s, want whose %s is", verb, r.exit, r.stdout, r.stderr, at)
		}
	}
}

// commands are the victim's, by their verb.
func (v *victim) commands() map[string][]string {
	return map[string][]string{
		"accounts": {"accounts"}, "token": {"token", "work"}, "status": {"status"}, "serve": {"serve"},
		"login": {"login", "work", "--issuer", v.provider.Issuer(), "--client-id", "app"},
		"exec":  {"exec", "-e", "TOKEN=work", "--", "/usr/bin/env"},
	}
}

// listing names all that is in places, and what it is.
func listing(t *testing.T, places ...string) string {
	t.Helper()
	var all strings.Builder
	for _, place := range places {
		err := filepath.Walk(place, func(path string, info os.FileInfo, err error) error {
			if err != nil {
				return err
			}
			size := info.Size()
			if strings.HasSuffix(path, ".log") { // the victim's own daemon goes on
				size = 0
			}
			fmt.Fprintln(&all, path, info.Mode(), size)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

// testFalseDaemon has another user listen where clients look: at OAUTHD_SOCK, and in the place of a socket whose
// directory was left open to all.
func testFalseDaemon(t *testing.T, h *house) {
	v := newVictim(t, h)
	a := newAttacker(t, v)
	f := a.listen(t, `"$MINE/false.sock"`)
	refused := func(t *testing.T, env []string, where string) {
		t.Helper()
		for verb, args := range v.commands() {
			r := v.runIn(t, "/", env, args...)
			want, code := where+" runs as uid 65534, not as uid ", api.Forbidden
			if verb == "serve" {
				want, code = "the socket's place cannot be used: "+filepath.Dir(where), api.ConfigInvalid
			}
			if r.exit != code.ExitStatus() || r.stdout != "" || !strings.Contains(r.stderr, want) || !strings.Contains(r.stderr, "\nhint: ") {
				t.Errorf("%s: got exit %d, %q, %s, want exit %d and %q", verb, r.exit, r.stdout, r.stderr, code.ExitStatus(), want)
			}
		}
	}
	t.Run("OAUTHD_SOCK", func(t *testing.T) {
		refused(t, append(v.env, "OAUTHD_SOCK="+f.at), f.at)
		v.wantWell(t, v.daemon(t))
	})
	t.Run("a socket that was replaced", func(t *testing.T) {
		if err := errors.Join(os.Chmod(v.path("run"), 0o755), os.Chmod(v.path("run/oauthd"), 0o777)); err != nil {
			t.Fatal(err)
		}
		if out, err := a.run(t, `mv "$SOCKET" "$MINE/taken" && mv "$MINE/false.sock" "$SOCKET" && ! ask "$MINE/taken"`); !strings.Contains(out, denied) {
			t.Fatalf("got %v, %s, want the real socket refused", err, out)
		}
		refused(t, v.env, v.socket())
	})
	f.wantNothing(t, "unix", v.socket())
}

// testSquattedPort has another user hold the port of a redirect URI before a login, and try to get it during one.
func testSquattedPort(t *testing.T, h *house) {
	v := newVictim(t, h)
	a := newAttacker(t, v)
	before := v.daemon(t)
	t.Run("before a login", func(t *testing.T) {
		for host, at := range map[string]string{"127.0.0.1": "127.0.0.1", "localhost": "::1"} {
			if l, err := net.Listen("tcp", net.JoinHostPort(at, "0")); err != nil {
				continue // a machine without IPv6
			} else if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			f := a.listen(t, at)
			r := v.login(t, "work", "allow %s", "--redirect-uri", "http://"+net.JoinHostPort(host, f.at)+"/callback")
			want := "port " + f.at + " is taken by a process of uid 65534\nhint: "
			if r.exit != api.PortUnavailable.ExitStatus() || r.stdout != "" || !strings.Contains(r.stderr, want) {
				t.Errorf("%s: got exit %d, %s%s, want %q", at, r.exit, r.stdout, r.stderr, want)
			}
			f.wantNothing(t, "tcp", net.JoinHostPort(at, f.at))
		}
		v.wantWell(t, before)
	})
	t.Run("during a login", func(t *testing.T) {
		note := v.path("home/url")
		ended := make(chan result, 1)
		go func() { ended <- v.login(t, "work", "note %s "+note) }()
		var address string
		if !poll(func() bool {
			text, _ := os.ReadFile(note)
			address = strings.TrimSpace(string(text))
			return address != ""
		}) {
			t.Fatalf("no browser was opened: %+v", <-ended)
		}
		authorization, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		redirect, err := url.Parse(authorization.Query().Get("redirect_uri"))
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []string{"127.0.0.1", "0.0.0.0"} {
			if out, _ := a.run(t, "nc -l "+at+" "+redirect.Port()); !strings.Contains(out, "Address already in use") {
				t.Errorf("%s: got %s, want the port to be in use", at, out)
			}
		}
		if out, err := exec.CommandContext(t.Context(), h.agent, "allow", address).CombinedOutput(); err != nil {
			t.Errorf("the browser: %v, %s", err, out)
		}
		if r := <-ended; r.exit != 0 {
			t.Errorf("login: got exit %d, %s", r.exit, r.stderr)
		}
		v.token = v.run(t, "token", "work").stdout
		v.wantWell(t, before)
	})
}
