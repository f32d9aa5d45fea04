package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScript runs the whole program through the journeys of testdata/script. Every script gets a home, a socket and a
// daemon of its own, and ends with two questions: is every daemon gone, and is a secret anywhere it must not be.
//
// The commands that the scripts have beside those of testscript are in the script_*_test.go files.
func TestScript(t *testing.T) {
	testscript.RunT(scriptT{t}, testscript.Params{
		Dir:                 filepath.Join("..", "..", "testdata", "script"),
		WorkdirRoot:         t.TempDir(),
		Setup:               setupScript,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Deadline:            time.Now().Add(3 * time.Minute), // a command that hangs fails its script, not the run
		Condition: func(name string) (bool, error) {
			if name == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"clientfile":  cmdClientFile,
			"clients":     cmdClients,
			"device":      cmdDevice,
			"event":       cmdEvent,
			"inspect":     cmdInspect,
			"ended":       cmdEnded,
			"exitstatus":  cmdExitStatus,
			"field":       cmdField,
			"follow":      cmdFollow,
			"foreign":     cmdForeign,
			"httpget":     cmdHTTPGet,
			"httpstream":  cmdHTTPStream,
			"linejson":    cmdLineJSON,
			"mcp":         cmdMCP,
			"metadata":    cmdMetadata,
			"mode":        cmdMode,
			"occupy":      cmdOccupy,
			"portfree":    cmdPortFree,
			"protected":   cmdProtected,
			"provider":    cmdProvider,
			"redirected":  cmdRedirected,
			"redirecturi": cmdRedirectURI,
			"resources":   cmdResources,
			"samejson":    cmdSameJSON,
			"signal":      cmdSignal,
			"toolate":     cmdTooLate,
			"until":       cmdUntil,
			"waitfile":    cmdWaitFile,
			"waitgone":    cmdWaitGone,
			"waitlisten":  cmdWaitListen,
		},
	})
}

// setupScript gives a script its own home and directories. Files under home/.config/oauthd in the script are its
// configuration; without a config.toml there it gets one that names the memory store.
func setupScript(e *testscript.Env) error {
	home := filepath.Join(e.WorkDir, "home")
	runtimeDir, err := os.MkdirTemp("", "o") // a socket's path has to be short
	if err != nil {
		return err
	}
	e.Defer(func() { _ = os.RemoveAll(runtimeDir) })
	e.Setenv("HOME", home)
	e.Setenv("XDG_RUNTIME_DIR", runtimeDir)
	e.Setenv("XDG_STATE_HOME", filepath.Join(e.WorkDir, "state"))
	e.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+filepath.Join(runtimeDir, "no-bus"))
	e.Setenv("CONFIG", filepath.Join(home, ".config", "oauthd"))
	e.Setenv("SOCK", filepath.Join(runtimeDir, "oauthd", "oauthd.sock"))
	e.Setenv("LOG", filepath.Join(e.WorkDir, "state", "oauthd", "daemon.log"))
	e.Values[worldKey{}] = &world{watched: map[string]*exec.Cmd{}}

	config := filepath.Join(home, ".config", "oauthd", "config.toml")
	if _, err := os.Stat(config); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(config), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(config, []byte("[keystore]\nbackend = \"memory\"\n"), 0o600); err != nil {
			return err
		}
	}
	t := e.T().(testing.TB)
	e.Defer(func() {
		e.Values[worldKey{}].(*world).close()
		if err := endDaemons(e.WorkDir, runtimeDir); err != nil {
			t.Errorf("after the script: %v", err)
		}
		for _, dir := range []string{home, filepath.Join(e.WorkDir, "state"), runtimeDir} {
			checkFiles(t, dir)
		}
	})
	return nil
}

// scriptT keeps a script's whole transcript, so that it can be searched, and shows it where go test would.
type scriptT struct{ *testing.T }

func (t scriptT) Run(name string, f func(testscript.T)) {
	t.T.Run(name, func(t *testing.T) { f(scriptT{t}) })
}

func (scriptT) Verbose() bool { return true }

// Log is called once, with the transcript.
func (t scriptT) Log(args ...any) {
	transcript := fmt.Sprint(args...)
	if kinds := transcriptLeaks(transcript); len(kinds) > 0 {
		// Not what was found, nor the transcript: it holds the secret.
		t.Errorf("the transcript shows %s", strings.Join(kinds, ", "))
		return
	}
	if t.Failed() || testing.Verbose() {
		t.T.Log(transcript)
	}
}

// The test server's secrets and ours carry a prefix and 26 characters of base32, so that each is known again anywhere;
// the servers' access tokens and ID tokens are what a caller may see where it asked. A private key is longer than random text
// that happens to begin like one.
var (
	secretPattern = regexp.MustCompile(`\b(rt|ac|rq|cs|dc)-[A-Z2-7]{26}\b`)
	keyPattern    = regexp.MustCompile(`PRIVATE KEY|"private_key"|\bMII[A-Za-z0-9+/]{60}`)
	tokenPattern  = regexp.MustCompile(`\bat-[A-Z2-7]{26}\b|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.`)
)

// leaks names the kinds of secret in text. Tokens count unless they may be there.
func leaks(text string, tokensToo bool) []string {
	names := map[string]string{
		"rt": "a refresh token", "ac": "an authorization code", "rq": "a request id", "cs": "a client secret", "dc": "a device code",
	}
	var kinds []string
	for _, match := range secretPattern.FindAllStringSubmatch(text, -1) {
		kinds = append(kinds, names[match[1]])
	}
	if keyPattern.MatchString(text) {
		kinds = append(kinds, "a private key")
	}
	if tokensToo && tokenPattern.MatchString(text) {
		kinds = append(kinds, "an access token or ID token")
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// transcriptLeaks is leaks for a transcript: tokens may be in what a command wrote to its standard output.
func transcriptLeaks(transcript string) []string {
	kinds := leaks(transcript, false)
	part := ""
	for line := range strings.Lines(transcript) {
		switch {
		case strings.HasPrefix(line, "[stdout]"), strings.HasPrefix(line, "[stderr]"), strings.HasPrefix(line, "> "):
			part = line
		}
		if !strings.HasPrefix(part, "[stdout]") && tokenPattern.MatchString(line) {
			kinds = append(kinds, "a token outside of standard output")
		}
	}
	return slices.Compact(kinds)
}

// checkFiles reports secrets and tokens in the files under dir.
func checkFiles(t testing.TB, dir string) {
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if kinds := leaks(string(text), true); len(kinds) > 0 {
			t.Errorf("%s holds %s", path, strings.Join(kinds, ", "))
		}
		return nil
	})
	if err != nil {
		t.Errorf("look for secrets in %s: %v", dir, err)
	}
}

func TestLeaksAreSeen(t *testing.T) {
	const text = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for _, test := range []struct {
		name, transcript string
		want             int
	}{
		{"nothing", "> exec oauthd status\n[stdout]\nat-home rt-x\n", 0},
		{"a token on standard output", "> exec oauthd token work\n[stdout]\nat-" + text + "\n", 0},
		{"a token on standard error", "[stdout]\nx\n[stderr]\nat-" + text + "\n", 1},
		{"a token after the output", "[stdout]\nx\n> at-" + text + "\n", 1},
		{"an ID token on standard error", "[stderr]\neyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.AAAA\n", 1},
		{"a refresh token on standard output", "[stdout]\nx rt-" + text + "\n", 1},
		{"a code in a URL", "[stderr]\nhttp://127.0.0.1/callback?code=ac-" + text + "&state=x\n", 1},
		{"a client secret and a request id", "cs-" + text + " rq-" + text, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := transcriptLeaks(test.transcript); len(got) != test.want {
				t.Errorf("got %q, want %d kinds", got, test.want)
			}
		})
	}
}
