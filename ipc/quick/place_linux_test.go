package quick

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"oauthd/ipc/api"
	"oauthd/ipc/client"
)

// clientEnvironment is what package client makes of the same environment.
func clientEnvironment(environ []string, uid int, runtimeDirOK bool) api.Environment {
	return api.Environment{
		Getenv:       func(name string) string { return lookup(environ, name) },
		UID:          uid,
		GOOS:         runtime.GOOS,
		RuntimeDirOK: func(string) bool { return runtimeDirOK },
	}
}

func findIn(environ []string, uid int, runtimeDirOK bool) (place, bool) {
	return find(environ, uid, func(string, uint32) bool { return runtimeDirOK })
}

func TestFindInStepWithClient(t *testing.T) {
	long := "/" + strings.Repeat("d", 200)
	for _, tt := range []struct {
		name         string
		environ      []string
		runtimeDirOK bool
		want         string // where package client looks
		left         bool   // to the usual path
	}{
		{name: "nothing set", want: "/tmp/oauthd-4242/oauthd.sock"},
		{name: "a runtime directory of the system's", runtimeDirOK: true, want: "/run/user/4242/oauthd/oauthd.sock"},
		{name: "XDG_RUNTIME_DIR", environ: []string{"XDG_RUNTIME_DIR=/r/u"}, runtimeDirOK: true, want: "/r/u/oauthd/oauthd.sock"},
		{name: "XDG_RUNTIME_DIR is empty", environ: []string{"XDG_RUNTIME_DIR="}, want: "/tmp/oauthd-4242/oauthd.sock"},
		{name: "XDG_RUNTIME_DIR is relative", environ: []string{"XDG_RUNTIME_DIR=r"}, runtimeDirOK: true, want: "/run/user/4242/oauthd/oauthd.sock", left: true},
		{name: "XDG_RUNTIME_DIR ends in a slash", environ: []string{"XDG_RUNTIME_DIR=/r/"}, want: "/r/oauthd/oauthd.sock", left: true},
		{name: "XDG_RUNTIME_DIR goes up", environ: []string{"XDG_RUNTIME_DIR=/r/../s"}, want: "/s/oauthd/oauthd.sock", left: true},
		{name: "XDG_RUNTIME_DIR stays", environ: []string{"XDG_RUNTIME_DIR=/r/./s"}, want: "/r/s/oauthd/oauthd.sock", left: true},
		{name: "XDG_RUNTIME_DIR is the root", environ: []string{"XDG_RUNTIME_DIR=/"}, want: "/oauthd/oauthd.sock", left: true},
		{name: "XDG_RUNTIME_DIR is too long", environ: []string{"XDG_RUNTIME_DIR=" + long}, want: long + "/oauthd/oauthd.sock", left: true},
		{name: "OAUTHD_SOCK", environ: []string{"XDG_RUNTIME_DIR=/r", "OAUTHD_SOCK=/s/x.sock"}, runtimeDirOK: true, want: "/s/x.sock"},
		{name: "OAUTHD_SOCK twice", environ: []string{"OAUTHD_SOCK=/s/1", "OAUTHD_SOCK=/s/2"}, want: "/s/1"},
		{name: "OAUTHD_SOCK is empty", environ: []string{"OAUTHD_SOCK=", "XDG_RUNTIME_DIR=/r"}, want: "/r/oauthd/oauthd.sock"},
		{name: "OAUTHD_SOCK is relative", environ: []string{"OAUTHD_SOCK=s"}, want: "s", left: true},
		{name: "OAUTHD_SOCK is not plain", environ: []string{"OAUTHD_SOCK=/s//x"}, want: "/s//x", left: true},
		{name: "OAUTHD_SOCK is abstract", environ: []string{"OAUTHD_SOCK=@s"}, want: "@s", left: true},
		{name: "known variables of ours", environ: []string{"OAUTHD_NO_AUTOSTART=1", "OAUTHD_PASSPHRASE_FILE=/p"}, want: "/tmp/oauthd-4242/oauthd.sock"},
		{name: "an unknown variable of ours", environ: []string{"OAUTHD_X=1"}, want: "/tmp/oauthd-4242/oauthd.sock", left: true},
		{name: "half a variable of ours", environ: []string{"OAUTHD_"}, want: "/tmp/oauthd-4242/oauthd.sock", left: true},
		{name: "variables of others", environ: []string{"OAUTH=1", "MY_OAUTHD_X=1", "odd", "=odd"}, want: "/tmp/oauthd-4242/oauthd.sock"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := clientEnvironment(tt.environ, 4242, tt.runtimeDirOK).SocketPath(); got != tt.want {
				t.Errorf("client: got %q, want %q", got, tt.want)
			}
			got, ok := findIn(tt.environ, 4242, tt.runtimeDirOK)
			if ok == tt.left || ok && (got.socket != tt.want || got.uid != 4242) {
				t.Errorf("quick: got %q of uid %d, %t, want %q of uid 4242, %t", got.socket, got.uid, ok, tt.want, !tt.left)
			}
		})
	}
}

// TestPrivateDirInStepWithClient compares what backs the /run/user/UID rule.
func TestPrivateDirInStepWithClient(t *testing.T) {
	root := t.TempDir()
	path := func(name string) string { return filepath.Join(root, name) }
	for name, mode := range map[string]os.FileMode{
		"ours": 0o700, "theirs too": 0o750, "everybody's": 0o777, "everybody's to enter": 0o701, "not ours to enter": 0o600, "group's": 0o700 | os.ModeSetgid, "sticky": 0o700 | os.ModeSticky,
	} {
		if err := errors.Join(os.Mkdir(path(name), 0o700), os.Chmod(path(name), mode)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink("ours", path("link")), os.WriteFile(path("file"), nil, 0o700)); err != nil {
		t.Fatal(err)
	}
	wants := map[string]bool{
		"ours": true, "theirs too": false, "everybody's": false, "everybody's to enter": false, "not ours to enter": false, "group's": true, "sticky": true, "link": false, "file": false, "missing": false,
	}
	if os.Getuid() == 0 {
		if err := errors.Join(os.Mkdir(path("other's"), 0o700), os.Chown(path("other's"), nobody, nobody)); err != nil {
			t.Fatal(err)
		}
		wants["other's"] = false
	}
	for name, want := range wants {
		if got := client.DefaultEnvironment().RuntimeDirOK(path(name)); got != want {
			t.Errorf("%s, client: got %t, want %t", name, got, want)
		}
		if got := privateDir(path(name), uint32(os.Getuid())); got != want {
			t.Errorf("%s, quick: got %t, want %t", name, got, want)
		}
	}
}

// FuzzFind checks that no environment makes the fast lane look elsewhere than package client does.
func FuzzFind(f *testing.F) {
	f.Add("/s/x", "/run/user/1", true)
	f.Add("", "/r/..", false)
	f.Add("", "/a.b/.c", false)
	f.Add("/", "", true)
	f.Fuzz(func(t *testing.T, socket, dir string, runtimeDirOK bool) {
		environ := []string{"OAUTHD_SOCK=" + socket, "XDG_RUNTIME_DIR=" + dir}
		at, ok := findIn(environ, 7, runtimeDirOK)
		if want := clientEnvironment(environ, 7, runtimeDirOK).SocketPath(); ok && (at.socket != want || len(want) > 107) {
			t.Errorf("got %q, want %q", at.socket, want)
		}
	})
}

// TestServerUIDInStepWithClient asks a server of ours under every OAUTHD_SOCK_UID. What the fast lane takes, package
// client takes too.
func TestServerUIDInStepWithClient(t *testing.T) {
	us := os.Getuid()
	for _, tt := range []struct {
		name, uid   string
		as          int  // the uid that the client believes to have
		fast, usual bool // who gets a token
	}{
		{"not set", "", us, true, true},
		{"not set, and the server is another's", "", us + 1, false, false},
		{"ours", strconv.Itoa(us), us, true, true},
		{"ours, for another", strconv.Itoa(us), us + 1, true, true},
		{"another's", strconv.Itoa(us + 1), us, false, false},
		{"with a sign", "+" + strconv.Itoa(us), us, false, true},
		{"with a zero", "0" + strconv.Itoa(us), us, false, true},
		{"negative", "-1", us, false, false},
		{"no number", "root", us, false, true},
		{"2^32 more", strconv.FormatInt(int64(us)+1<<32, 10), us, false, strconv.IntSize == 32},
		{"2^64 more", "18446744073709551616", us, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t, answers(sample))
			environ := []string{"OAUTHD_SOCK=" + s.socket, "OAUTHD_SOCK_UID=" + tt.uid}
			at, ok := findIn(environ, tt.as, false)
			if ok {
				// The files belong to the one who runs the server.
				_, ok = ask(at, named("work"), long)
			}
			if ok != tt.fast {
				t.Errorf("quick: got an answer %t, want %t", ok, tt.fast)
			}
			c := client.Client{Environment: clientEnvironment(environ, tt.as, false)}
			defer c.Close()
			_, err := c.Token(context.Background(), api.TokenRequest{Account: "work"})
			if (err == nil) != tt.usual {
				t.Errorf("client: got %v, want an answer %t", err, tt.usual)
			}
		})
	}
}

func TestParseUID(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1000": 1000, "2147483647": 1<<31 - 1, "2147483648": -1, "4294967296": -1, "18446744073709551616": -1,
		"": -1, "00": -1, "01": -1, "+1": -1, "-1": -1, "1 ": -1, "1x": -1, "٣": -1,
	} {
		got, ok := parseUID(text)
		if ok != (want >= 0) || ok && int64(got) != want {
			t.Errorf("%q: got %d, %t, want %d", text, got, ok, want)
		}
	}
	for _, n := range []uint32{0, 9, 10, 65534, 1<<32 - 1} {
		if got, want := decimal(n), strconv.FormatUint(uint64(n), 10); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
