package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/keystore/storetest"
)

// leakWorld is a person's session whose provider quotes what it is sent, and where all that is seen is kept.
type leakWorld struct {
	*canaries
	t        *testing.T
	program  string
	dir      string // all below it is searched
	outside  string // not searched: what the person has, such as files to import and the passphrase
	env      []string
	keyring  *storetest.Scripted
	provider *oauthtest.Running
	daemon   *exec.Cmd
	log      transcript // of all daemons

	mu        sync.Mutex // guards the fields below
	seen      []searched
	commands  int
	processes map[string]bool         // command lines and environments that were seen
	verbs     map[string]int          // of the program, as its processes were seen
	hostile   map[string]hostileReply // by client id, "" for requests without one
}

func newLeakWorld(t *testing.T, hostile []hostileReply) *leakWorld {
	t.Helper()
	w := &leakWorld{
		canaries: &canaries{}, t: t, program: buildPrograms(t).oauthd, outside: t.TempDir(),
		keyring:   storetest.StartScripted(t, storetest.Script{}),
		processes: map[string]bool{}, verbs: map[string]int{}, hostile: map[string]hostileReply{},
	}
	w.dir = w.keyring.Dir
	for _, dir := range []string{w.path(".config", "oauthd", "accounts"), filepath.Join(w.dir, "tmp")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	browser := filepath.Join(w.dir, "browser")
	// As it is started: its command line, and its environment, go to files that are searched.
	w.write(browser, "#!/bin/sh\ncat /proc/$$/cmdline /proc/$$/environ >"+w.dir+"/tmp/browser.$$\n"+
		"printf %s \"$1\" >\"$URL_FILE.new\" && mv \"$URL_FILE.new\" \"$URL_FILE\"\n")
	if err := os.Chmod(browser, 0o700); err != nil {
		t.Fatal(err)
	}
	w.env = append(w.keyring.Env(), "PATH="+filepath.Dir(w.program)+":"+os.Getenv("PATH"), "BROWSER="+browser,
		"TMPDIR="+filepath.Join(w.dir, "tmp"), "OAUTHD_NO_AUTOSTART=1")
	w.listen(hostile)
	t.Cleanup(w.kill)
	return w
}

func (w *leakWorld) path(parts ...string) string {
	return filepath.Join(append([]string{w.dir, "home"}, parts...)...)
}

func (w *leakWorld) write(file, text string) {
	w.t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// file is the text of a file that the person has.
func (w *leakWorld) file(name string) string {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.outside, name))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// newCanary returns a secret of a kind that the world makes itself.
func (w *leakWorld) newCanary(kind, prefix string) string {
	text := prefix + rand.Text()
	w.add(kind, text, false)
	return text + decoration
}

// keep adds to what is searched.
func (w *leakWorld) keep(s searched) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, s)
}

// run runs one oauthd to its end.
func (w *leakWorld) run(stdin string, args ...string) result {
	w.t.Helper()
	return w.begin(stdin, args...).end()
}

// leakCommand is an oauthd that runs.
type leakCommand struct {
	w      *leakWorld
	args   []string
	cmd    *exec.Cmd
	stdout transcript
	stderr transcript
	// urlFile is where the browser writes the address that it was started with.
	urlFile string
}

func (w *leakWorld) begin(stdin string, args ...string) *leakCommand {
	w.t.Helper()
	c := &leakCommand{w: w, args: args, cmd: exec.CommandContext(w.t.Context(), w.program, args...)}
	w.mu.Lock()
	w.commands++
	c.urlFile = filepath.Join(w.dir, "tmp", fmt.Sprintf("url.%d", w.commands))
	w.mu.Unlock()
	c.cmd.Env = append(slices.Clone(w.env), "URL_FILE="+c.urlFile)
	c.cmd.Dir, c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = w.outside, strings.NewReader(stdin), &c.stdout, &c.stderr
	if err := c.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
	})
	w.sweep()
	return c
}

func (c *leakCommand) name() string { return "oauthd " + strings.Join(c.args, " ") }

// end waits for the end of the command, and keeps what it wrote. Only token, a helper, and what exec becomes, print tokens.
func (c *leakCommand) end() result {
	c.w.t.Helper()
	_ = c.cmd.Wait()
	r := result{c.cmd.ProcessState.ExitCode(), c.stdout.String(), c.stderr.String()}
	c.w.keep(searched{"the standard output of " + c.name(), r.stdout, slices.Contains([]string{"token", "exec", "helper"}, c.args[0])})
	c.w.keep(searched{place: "the standard error of " + c.name(), text: r.stderr})
	return r
}

// want is end for a command that must end so, and say so.
func (c *leakCommand) want(exit int, text string) {
	c.w.t.Helper()
	if r := c.end(); r.exit != exit || !strings.Contains(r.stdout+r.stderr, text) {
		c.w.t.Errorf("%s: got exit %d, %s, want exit %d and %q", c.name(), r.exit, c.w.safe(r.stdout+r.stderr), exit, text)
	}
}

// serve starts a daemon whose log has everything.
func (w *leakWorld) serve() {
	w.t.Helper()
	ready, tell, err := os.Pipe()
	if err != nil {
		w.t.Fatal(err)
	}
	defer ready.Close()
	w.daemon = exec.Command(w.program, "serve", "--log-level", "trace", "--ready-fd", "3")
	w.daemon.Env, w.daemon.Dir, w.daemon.Stdout, w.daemon.Stderr, w.daemon.ExtraFiles = w.env, "/", &w.log, &w.log, []*os.File{tell}
	err = w.daemon.Start()
	_ = tell.Close()
	if err != nil {
		w.daemon = nil
		w.t.Fatal(err)
	}
	var told readiness
	if err := json.NewDecoder(ready).Decode(&told); err != nil || told.Error != nil {
		w.t.Fatalf("the daemon is not ready: %v, %v", err, told.Error)
	}
}

func (w *leakWorld) kill() {
	if w.daemon != nil {
		_ = w.daemon.Process.Kill()
		_ = w.daemon.Wait()
	}
}

// sweep keeps the command line and the environment of every process of this world. Tokens may be in the environment of
// what exec becomes alone.
func (w *leakWorld) sweep() {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		environ, err := os.ReadFile(dir + "/environ")
		if err != nil || !bytes.Contains(environ, []byte(w.dir)) {
			continue // it has ended, or is somebody else's
		}
		cmdline, err := os.ReadFile(dir + "/cmdline")
		if err != nil {
			continue
		}
		exe, _ := os.Readlink(dir + "/exe")
		args := strings.Split(string(cmdline), "\x00")
		name := "a program that oauthd runs"
		if exe == w.program && len(args) > 1 {
			name = "oauthd " + args[1]
		}
		w.mu.Lock()
		if text := exe + string(cmdline) + string(environ); !w.processes[text] {
			w.processes[text] = true
			w.seen = append(w.seen, searched{"the command line of " + name, string(cmdline), false},
				searched{"the environment of " + name, string(environ), exe != w.program})
		}
		w.verbs[name]++
		w.mu.Unlock()
	}
}
