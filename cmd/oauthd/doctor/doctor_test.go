package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"oauthd/ipc/api"
)

// healthy is a patient with nothing wrong, and the directory that everything of it is in.
func healthy(t *testing.T) (*Patient, map[string]string, string) {
	t.Helper()
	dir := t.TempDir()
	env := map[string]string{
		"HOME": dir, "XDG_CONFIG_HOME": filepath.Join(dir, "config"), "XDG_STATE_HOME": filepath.Join(dir, "state"),
		"XDG_RUNTIME_DIR": filepath.Join(dir, "run"),
	}
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	return &Patient{
		Env:     api.Environment{Getenv: func(name string) string { return env[name] }, GOOS: "linux", UID: os.Getuid()},
		Version: "1",
		Status: func(context.Context) (api.Status, error) {
			return api.Status{PID: 7, Version: "1", StartedBy: "auto", Store: api.Store{Backend: "keychain", State: "ok"},
				Accounts: []api.Account{{Name: "work", Provider: "corp", State: api.StateReady}}}, nil
		},
		Provider: func(context.Context, string) (p api.Provider, err error) {
			p.Endpoints.Token = server.URL + "/token"
			return p, nil
		},
		Config:  func() error { return nil },
		Store:   func(context.Context) (string, error) { return "keychain", nil },
		Bus:     func() (string, error) { return "unix:path=/run/bus", nil },
		Browser: func() (string, []string) { return "", []string{"sh"} },
		HTTP:    server.Client(),
		Now:     time.Now,
	}, env, dir
}

// find returns the findings of a check.
func find(t *testing.T, found []Finding, check string) Finding {
	t.Helper()
	i := slices.IndexFunc(found, func(f Finding) bool {
		return f.Check == check || strings.HasPrefix(f.Check, "provider ") && strings.HasPrefix(f.Check, check)
	})
	if i < 0 {
		t.Fatalf("got %+v, want a check of %s", found, check)
	}
	return found[i]
}

func TestHealthy(t *testing.T) {
	p, _, _ := healthy(t)
	found := Examine(t.Context(), *p)
	for _, f := range found {
		if f.Status != OK || f.Fix != "" {
			t.Errorf("got %+v, want all well", f)
		}
	}
	for _, check := range []string{"daemon", "socket", "configuration directory", "state directory", "lock", "configuration", "session bus", "store",
		"browser", "proxy", "account work", "provider http"} {
		find(t, found, check)
	}
}

func TestWhatIsFound(t *testing.T) {
	status := func(change func(*api.Status)) func(*Patient, map[string]string, string) {
		return func(p *Patient, _ map[string]string, _ string) {
			s, err := p.Status(context.Background())
			change(&s)
			p.Status = func(context.Context) (api.Status, error) { return s, err }
		}
	}
	account := func(a api.Account) func(*Patient, map[string]string, string) {
		a.Name = "work"
		return status(func(s *api.Status) { s.Accounts = []api.Account{a} })
	}
	none := func(p *Patient) {
		p.Status = func(context.Context) (api.Status, error) {
			return api.Status{}, &api.Error{Code: api.NoDaemon, Message: "no daemon is running"}
		}
	}
	for _, test := range []struct {
		name    string
		change  func(p *Patient, env map[string]string, dir string)
		check   string
		status  string
		detail  string // in it
		fixHint string // in it
	}{
		{"no daemon", func(p *Patient, _ map[string]string, _ string) { none(p) }, "daemon", OK, "the next command", ""},
		{"no daemon may start", func(p *Patient, env map[string]string, _ string) { none(p); env["OAUTHD_NO_AUTOSTART"] = "1" },
			"daemon", Warning, "OAUTHD_NO_AUTOSTART", "oauthd serve"},
		{"a daemon that does not answer", func(p *Patient, _ map[string]string, _ string) {
			p.Status = func(context.Context) (api.Status, error) {
				return api.Status{}, &api.Error{Code: api.Timeout, Message: "no answer in time"}
			}
		}, "daemon", Fault, "no answer in time", "oauthd stop"},
		{"a daemon that makes room", status(func(s *api.Status) { s.Upgrade = &api.Upgrade{Version: "2"} }), "daemon", OK, "2 takes over at the next idle moment", ""},
		{"a daemon that cannot make room", status(func(s *api.Status) { s.Upgrade = &api.Upgrade{Version: "2", Waiting: "a login is under way"} }),
			"daemon", Warning, "2 is installed, which waits: a login is under way", "oauthd stop"},
		{"an old daemon", status(func(s *api.Status) { s.Version = "0.9" }), "daemon", Warning, "version 0.9, and this program is 1", "oauthd stop"},
		{"a long socket path", func(_ *Patient, env map[string]string, dir string) {
			env["XDG_RUNTIME_DIR"] = filepath.Join(dir, strings.Repeat("x", 100))
		}, "socket", Fault, "has 1", "XDG_RUNTIME_DIR"},
		{"a directory that others may write to", func(_ *Patient, _ map[string]string, dir string) {
			at := filepath.Join(dir, "config", "oauthd")
			_ = os.MkdirAll(at, 0o700)
			_ = os.Chmod(at, 0o777)
		}, "configuration directory", Fault, "config/oauthd", "chmod go-w"},
		{"a mistake in a file", func(p *Patient, _ map[string]string, _ string) {
			p.Config = func() error { return &api.Error{Code: api.ConfigInvalid, Message: "work.toml:3: no"} }
		}, "configuration", Fault, "work.toml:3: no", "correct the line"},
		{"a lock of a daemon that is silent", func(p *Patient, _ map[string]string, dir string) {
			none(p)
			state := filepath.Join(dir, "state", "oauthd")
			_ = os.MkdirAll(state, 0o700)
			_ = os.WriteFile(filepath.Join(state, "lock"), fmt.Appendf(nil, `{"pid":%d,"socket":%q}`, os.Getpid(), dir), 0o600)
		}, "lock", Fault, "does not answer", fmt.Sprintf("kill %d", os.Getpid())},
		{"a lock left behind", func(p *Patient, _ map[string]string, dir string) {
			none(p)
			state := filepath.Join(dir, "state", "oauthd")
			_ = os.MkdirAll(state, 0o700)
			_ = os.WriteFile(filepath.Join(state, "lock"), []byte(`{"pid":7,"socket":"/nonexistent"}`), 0o600)
		}, "lock", OK, "left behind", ""},
		{"no bus", func(p *Patient, _ map[string]string, _ string) {
			p.Bus = func() (string, error) { return "", errors.New("no bus\x1b") }
		},
			"session bus", Warning, "no bus", "file store"},
		{"a locked store", status(func(s *api.Status) { s.Store.State = "locked" }), "store", Warning, "locked", "oauthd unlock"},
		{"no keychain", status(func(s *api.Status) { s.Store.State, s.Store.Detail = "unavailable", "no Secret Service" }), "store", Fault,
			"no Secret Service", "--store file"},
		{"no keychain and no daemon", func(p *Patient, _ map[string]string, _ string) {
			none(p)
			p.Store = func(context.Context) (string, error) {
				return "keychain", &api.Error{Code: api.KeystoreUnavailable, Message: "no Secret Service"}
			}
		}, "store", Fault, "keychain: no Secret Service", "--store file"},
		{"a closed file store and no daemon", func(p *Patient, _ map[string]string, _ string) {
			none(p)
			p.Store = func(context.Context) (string, error) {
				return "file", &api.Error{Code: api.Locked, Message: "oauthd is locked"}
			}
		}, "store", Warning, "file: oauthd is locked", "oauthd unlock"},
		{"no display", func(p *Patient, _ map[string]string, _ string) {
			p.Browser = func() (string, []string) { return "over SSH", nil }
		},
			"browser", Warning, "over SSH", "help headless"},
		{"no opener", func(p *Patient, _ map[string]string, _ string) {
			p.Browser = func() (string, []string) { return "", []string{"no-such-program-here"} }
		}, "browser", Fault, "no-such-program-here", "xdg-utils"},
		{"a proxy with a password", func(_ *Patient, env map[string]string, _ string) {
			env["HTTPS_PROXY"] = "http://u:hunter2@proxy.example.com:3128"
		},
			"proxy", Warning, "http://u:xxxxx@proxy.example.com:3128, but the daemon", "oauthd stop"},
		{"a proxy that is no URL", func(_ *Patient, env map[string]string, _ string) { env["https_proxy"] = "proxy.example.com" },
			"proxy", Fault, "https_proxy is not a URL", "http://"},
		{"no certificates", func(_ *Patient, env map[string]string, _ string) { env["SSL_CERT_FILE"] = "/nonexistent/ca.pem" },
			"certificates", Fault, "/nonexistent/ca.pem", "unset SSL_CERT_FILE"},
		{"a login that ended", account(api.Account{State: api.StateLoginRequired, LastError: &api.Error{Message: "work needs a login: ended"}}),
			"account work", Warning, "work needs a login: ended", "oauthd login work"},
		{"a login that ends soon", account(api.Account{State: api.StateReady, LoginEndsAt: new(time.Now().Add(time.Hour))}),
			"account work", Warning, "its login ends on", "oauthd login work"},
		{"a provider in trouble", account(api.Account{State: api.StateError, LastError: &api.Error{Code: api.ProviderUnreachable, Message: "no answer"}}),
			"account work", Fault, "no answer", "oauthd account show work"},
		{"locked accounts", account(api.Account{State: api.StateLocked}), "accounts", Warning, "locked: 1", "oauthd unlock"},
		{"a provider that cannot be reached", func(p *Patient, _ map[string]string, _ string) {
			p.Provider = func(context.Context, string) (provider api.Provider, err error) {
				provider.Endpoints.Token = "http://127.0.0.1:1/token"
				return provider, nil
			}
		}, "provider http://127.0.0.1:1", Fault, "cannot be reached", "network"},
		{"a clock that is ahead", func(p *Patient, _ map[string]string, _ string) {
			p.Now = func() time.Time { return time.Now().Add(time.Hour) }
		}, "provider http", Fault, "clock is ahead by 1h0m", "set-ntp"},
		{"a clock that is a little behind", func(p *Patient, _ map[string]string, _ string) {
			p.Now = func() time.Time { return time.Now().Add(-2 * time.Minute) }
		}, "provider http", Warning, "clock is behind by", "set-ntp"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, env, dir := healthy(t)
			test.change(p, env, dir)
			found := Examine(t.Context(), *p)
			f := find(t, found, test.check)
			if f.Status != test.status || !strings.Contains(f.Detail, test.detail) || !strings.Contains(f.Fix, test.fixHint) || (test.fixHint == "") != (f.Fix == "") {
				t.Errorf("got %+v, want %s, %q, and %q", f, test.status, test.detail, test.fixHint)
			}
			for _, f := range found {
				if strings.Contains(f.Detail, "hunter2") || strings.Contains(f.Detail+f.Fix, "\x1b") {
					t.Errorf("got %+v, which shows a secret or an escape", f)
				}
			}
		})
	}
}
