package api_test

import (
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"oauthd/ipc/api"
)

// environment is one of Linux, in which the system's list of users has home for uid 1000.
func environment(home string, vars map[string]string) api.Environment {
	return api.Environment{
		Getenv: func(name string) string { return vars[name] }, UID: 1000, GOOS: "linux",
		RuntimeDirOK: func(string) bool { return false },
		UserHome:     func() string { return home },
	}
}

func TestPlaces(t *testing.T) {
	for _, tt := range []struct {
		name          string
		home          string // in the list of users
		vars          map[string]string
		config, state string
	}{
		{"home", "/other", map[string]string{"HOME": "/home/ada"}, "/home/ada/.config/oauthd", "/home/ada/.local/state/oauthd"},
		{"no home, but an entry in the list of users", "/home/ada", nil, "/home/ada/.config/oauthd", "/home/ada/.local/state/oauthd"},
		{"a relative home", "/home/ada", map[string]string{"HOME": "ada"}, "/home/ada/.config/oauthd", "/home/ada/.local/state/oauthd"},
		{"both set, and no home", "", map[string]string{"XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s"}, "/c/oauthd", "/s/oauthd"},
		{"relative, which is ignored", "", map[string]string{"HOME": "/home/ada", "XDG_CONFIG_HOME": "c", "XDG_STATE_HOME": "./s"},
			"/home/ada/.config/oauthd", "/home/ada/.local/state/oauthd"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := environment(tt.home, tt.vars)
			config, err := e.ConfigDir()
			if err != nil || config != tt.config {
				t.Errorf("configuration: got %q, %v, want %q", config, err, tt.config)
			}
			state, err := e.StateDir()
			if err != nil || state != tt.state {
				t.Errorf("state: got %q, %v, want %q", state, err, tt.state)
			}
		})
	}
}

func TestNoHomeIsNoWorkingDirectory(t *testing.T) {
	for _, tt := range []struct {
		name string
		home string
		vars map[string]string
		want []string // in the message or the hint of StateDir
	}{
		{"nothing set", "", nil, []string{"HOME is not set", "uid 1000", "set HOME", "or XDG_STATE_HOME"}},
		{"a relative home", "", map[string]string{"HOME": "."}, []string{"HOME is not an absolute path"}},
		{"a relative path in the list of users", "ada", nil, []string{"HOME is not set"}},
		{"relative variables", "", map[string]string{"XDG_STATE_HOME": "s", "XDG_CONFIG_HOME": "c"}, []string{"it is a relative path now"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := environment(tt.home, tt.vars)
			for what, place := range map[string]func() (string, error){"configuration": e.ConfigDir, "state": e.StateDir, "home": e.Home} {
				if path, err := place(); path != "" || !errors.Is(err, &api.Error{Code: api.ConfigInvalid}) {
					t.Errorf("%s: got %q, %v, want an error and no path", what, path, err)
				}
			}
			_, err := e.StateDir()
			text := api.AsError(err).Message + " " + api.AsError(err).Hint
			for _, want := range tt.want {
				if !strings.Contains(text, want) {
					t.Errorf("got %q, want %q in it", text, want)
				}
			}
		})
	}
	e := environment("", nil)
	e.UserHome = nil
	if path, err := e.StateDir(); path != "" || err == nil {
		t.Errorf("without a list of users: got %q, %v, want an error", path, err)
	}
}

func TestSocketPath(t *testing.T) {
	for _, tt := range []struct {
		name, goos     string
		vars           map[string]string
		runtimeDirOK   bool
		path, variable string
	}{
		{"named", "linux", map[string]string{"OAUTHD_SOCK": "/s/x", "XDG_RUNTIME_DIR": "/run/r"}, true, "/s/x", "OAUTHD_SOCK"},
		{"runtime directory", "linux", map[string]string{"XDG_RUNTIME_DIR": "/run/r"}, true, "/run/r/oauthd/oauthd.sock", "XDG_RUNTIME_DIR"},
		{"relative runtime directory", "linux", map[string]string{"XDG_RUNTIME_DIR": "run"}, true, "/run/user/1000/oauthd/oauthd.sock", ""},
		{"the system's runtime directory", "linux", nil, true, "/run/user/1000/oauthd/oauthd.sock", ""},
		{"none", "linux", nil, false, "/tmp/oauthd-1000/oauthd.sock", ""},
		{"macOS", "darwin", map[string]string{"HOME": "/Users/ada"}, false, "/Users/ada/Library/Application Support/oauthd/oauthd.sock", ""},
		{"macOS without a home", "darwin", map[string]string{"HOME": "ada"}, false, "/tmp/oauthd-1000/oauthd.sock", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := environment("", tt.vars)
			e.GOOS, e.RuntimeDirOK = tt.goos, func(string) bool { return tt.runtimeDirOK }
			if path, variable := e.SocketPath(), e.SocketVariable(); path != tt.path || variable != tt.variable {
				t.Errorf("got %q by %q, want %q by %q", path, variable, tt.path, tt.variable)
			}
		})
	}
}

// FuzzPlaces gives every variable any value: no place may depend on the working directory.
func FuzzPlaces(f *testing.F) {
	f.Add("", "", "", "", "")
	f.Add(".", "..", "~", "a/b", " /")
	f.Add("/home/ada", "/c", "/s", "/r", "")
	f.Fuzz(func(t *testing.T, home, config, state, runtime, user string) {
		vars := map[string]string{"HOME": home, "XDG_CONFIG_HOME": config, "XDG_STATE_HOME": state, "XDG_RUNTIME_DIR": runtime, "USERNAME": user}
		for _, goos := range []string{"linux", "darwin", "windows"} {
			e := environment(user, maps.Clone(vars))
			e.GOOS = goos
			path := e.SocketPath()
			pipe, isPipe := strings.CutPrefix(path, api.PipeRoot)
			if goos == "windows" && (!isPipe || strings.ContainsAny(pipe, `\/`)) || goos != "windows" && !filepath.IsAbs(path) {
				t.Errorf("%s: the socket's place is %q", goos, path)
			}
			for what, place := range map[string]func() (string, error){"configuration": e.ConfigDir, "state": e.StateDir, "home": e.Home} {
				if path, err := place(); (err == nil) != filepath.IsAbs(path) {
					t.Errorf("%s: %s: got %q, %v", goos, what, path, err)
				}
			}
		}
	})
}

func TestSocketProblem(t *testing.T) {
	missing := &fs.PathError{Op: "lstat", Path: "/run/user/1000", Err: fs.ErrNotExist}
	for _, tt := range []struct {
		name  string
		vars  map[string]string
		cause error
		want  []string
	}{
		{"another user's directory", map[string]string{"XDG_RUNTIME_DIR": "/run/user/1001"}, errors.New("/run/user/1001 belongs to uid 1001"),
			[]string{"belongs to uid 1001 (XDG_RUNTIME_DIR is /run/user/1001)", "unset XDG_RUNTIME_DIR, or set it", "su - and sudo -i"}},
		{"a missing directory", map[string]string{"XDG_RUNTIME_DIR": "/run/user/1000"}, missing,
			[]string{"there is no directory /run/user/1000 (XDG_RUNTIME_DIR is /run/user/1000)", "loginctl enable-linger"}},
		{"a named socket", map[string]string{"OAUTHD_SOCK": "/s/x"}, errors.New("/s has mode 0755"),
			[]string{"/s has mode 0755 (OAUTHD_SOCK is /s/x)", "unset OAUTHD_SOCK"}},
		{"no variable", nil, errors.New("/tmp/oauthd-1000 belongs to uid 1"), []string{"/tmp/oauthd-1000 belongs to uid 1", "set XDG_RUNTIME_DIR"}},
		{"advice of the cause's own", nil, advised{}, []string{"chmod 700"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := environment("", tt.vars).SocketProblem(tt.cause)
			if p.Code != api.ConfigInvalid || !errors.Is(p, tt.cause) {
				t.Errorf("got %s with cause %v, want %s because of %v", p.Code, errors.Unwrap(p), api.ConfigInvalid, tt.cause)
			}
			for _, want := range tt.want {
				if text := p.Message + " / " + p.Hint; !strings.Contains(text, want) {
					t.Errorf("got %q, want %q in it", text, want)
				}
			}
		})
	}
}

// advised is an error with a hint.
type advised struct{}

func (advised) Error() string  { return "it is loose" }
func (advised) Advice() string { return "chmod 700 it" }

func TestPipe(t *testing.T) {
	for _, tt := range []struct {
		name string
		vars map[string]string
		want string
	}{
		{"of the user", map[string]string{"USERNAME": "ada"}, `\\.\pipe\oauthd-ada`},
		{"a name with blanks", map[string]string{"USERNAME": "Ada L"}, `\\.\pipe\oauthd-Ada L`},
		{"separators in the name", map[string]string{"USERNAME": `CORP\ada/x`}, `\\.\pipe\oauthd-CORP-ada-x`},
		{"no name", nil, `\\.\pipe\oauthd`},
		{"Unix' places do not matter", map[string]string{"USERNAME": "ada", "XDG_RUNTIME_DIR": "/run/user/1000"}, `\\.\pipe\oauthd-ada`},
		{"named", map[string]string{"USERNAME": "ada", "OAUTHD_SOCK": `\\.\pipe\other`}, `\\.\pipe\other`},
		{"named with slashes", map[string]string{"OAUTHD_SOCK": "//./pipe/other"}, `\\.\pipe\other`},
		{"no pipe, which is for others to refuse", map[string]string{"OAUTHD_SOCK": `C:\oauthd.sock`}, `C:\oauthd.sock`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := environment("", tt.vars)
			e.GOOS = "windows"
			if got := e.SocketPath(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
