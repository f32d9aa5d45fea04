package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"oauthd/cmd/oauthd/process"
	"oauthd/ipc/api"
	"oauthd/ipc/emulate/gce"
)

func TestChangesOfTheEnvironment(t *testing.T) {
	got := withChanges([]string{"A=1", "AB=2", "C=3", "A=4"}, []string{"A=5", "C", "D="})
	if want := []string{"AB=2", "A=5", "D="}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestProxiesAreLeftOut(t *testing.T) {
	for _, tt := range []struct {
		name          string
		environ, want []string
	}{
		{"no proxy", []string{"PATH=/bin", "no_proxy=x"}, nil},
		{"an empty one", []string{"http_proxy="}, nil},
		{"a proxy", []string{"HTTP_PROXY=http://p"}, []string{"no_proxy=127.0.0.1", "NO_PROXY=127.0.0.1"}},
		{"with exceptions", []string{"all_proxy=http://p", "NO_PROXY=a,b"}, []string{"NO_PROXY=a,b,127.0.0.1"}},
		{"with both", []string{"https_proxy=http://p", "NO_PROXY=a", "no_proxy=b"}, []string{"no_proxy=b,127.0.0.1", "NO_PROXY=a,127.0.0.1"}},
		{"with none", []string{"https_proxy=http://p", "no_proxy="}, []string{"no_proxy=127.0.0.1"}},
		{"with that exception", []string{"http_proxy=http://p", "no_proxy=a,127.0.0.1,b", "NO_PROXY=*"}, nil},
	} {
		if got := unproxied(tt.environ); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestEmulatedVariablesAreNoDaemons(t *testing.T) {
	got := process.Environ([]string{"OAUTHD_EMULATED=CLOUDSDK_CONFIG,GCE_METADATA_HOST", "GCE_METADATA_HOST=x", "GCE_METADATA_TIMEOUT=9", "CLOUDSDK_CONFIG=y", "OAUTHD_SOCK=z"})
	if want := []string{"GCE_METADATA_TIMEOUT=9", "OAUTHD_SOCK=z"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestComplaintsAreMadeOnce(t *testing.T) {
	var b strings.Builder
	complain := complaints(&b)
	locked := &api.Error{Code: api.Locked, Message: "locked", Hint: "unlock"}
	away := &api.Error{Code: api.ProviderUnreachable, Message: "away"}
	for _, err := range []error{locked, locked, away, away, locked, nil, nil, locked} {
		complain(err)
	}
	if got, want := b.String(), "oauthd: locked\nhint: unlock\noauthd: away\n"+strings.Repeat("oauthd: locked\nhint: unlock\n", 2); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestEmulationDirs has one that is in use, one that was left, and one that is just being made.
func TestEmulationDirs(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "oauthd.sock")
	env := api.Environment{Getenv: func(name string) string { return map[string]string{"OAUTHD_SOCK": socket}[name] }, GOOS: runtime.GOOS}
	age := func(d *emulationDir) {
		t.Helper()
		before := time.Now().Add(-2 * lockingTime)
		if err := os.Chtimes(d.path()+emulationLock, before, before); err != nil {
			t.Fatal(err)
		}
	}
	another := func() *emulationDir {
		t.Helper()
		d, err := makeEmulationDir(env)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d.path(), "file"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return d
	}
	there := func(d *emulationDir) bool { _, err := os.Stat(d.path()); return err == nil }
	used, left, young := another(), another(), another()
	age(used)
	age(left)
	left.release()
	young.release()
	last := another()
	for _, tt := range []struct {
		name string
		dir  *emulationDir
		want bool
	}{{"one in use", used, true}, {"one that was left", left, false}, {"one that is being made", young, true}} {
		if got := there(tt.dir); got != tt.want {
			t.Errorf("%s: there %t, want %t", tt.name, got, tt.want)
		}
	}
	if info, err := os.Stat(last.path()); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("got %v, %v, want mode 0700", info, err)
	}
	used.remove()
	last.remove()
	if there(used) || there(last) {
		t.Error("a directory stays")
	}
}

// TestSecretPath is for systems that do not say whose a connection is.
func TestSecretPath(t *testing.T) {
	at := endpoint{Address: "127.0.0.1:1", Secret: "c0ffee"}
	g := &google{Config: gce.Config{Request: api.TokenRequest{Account: "work"}, Email: "ada@example.com"}}
	changes, err := g.environment(at)
	if err != nil || !slices.Contains(changes, "GCE_METADATA_HOST=127.0.0.1:1/c0ffee") {
		t.Errorf("got %q, %v", changes, err)
	}
	h := g.handler(at, nil, func(error) {})
	for path, want := range map[string]int{
		"/c0ffee/computeMetadata/v1/instance/service-accounts/default/email": 200, "/c0ffee": 200, "/c0ffee/": 200,
		"/computeMetadata/v1/instance/service-accounts/default/email": 404, "/": 404, "/c0ffe": 404, "/other/computeMetadata/": 404,
	} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Metadata-Flavor", "Google")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: got %d, %q, want %d", path, w.Code, w.Body, want)
		}
	}
}
