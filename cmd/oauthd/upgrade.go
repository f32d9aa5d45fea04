package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"oauthd/cmd/oauthd/process"
	"oauthd/ipc/api"
	"oauthd/ipc/own"

	"github.com/rs/zerolog"
)

// versionPatience is how long a new program may take to say which version it is.
const versionPatience = 5 * time.Second

// programFile is the file of the program that this process runs. Its path is the one by which it was called, so that a link
// which leads to another version by now counts as replaced.
type programFile struct {
	path string
	ran  fs.FileInfo // what was there at the start; nil if that cannot be known
	log  zerolog.Logger
	due  atomic.Bool // the next daemon is to be the new program's

	mu      sync.Mutex  // guards the fields below
	seen    fs.FileInfo // what they are about
	version string
	problem string // why it cannot take over
}

// ownProgram returns the program of this process, which has just begun.
func ownProgram(log zerolog.Logger) *programFile {
	p := &programFile{path: programPath(), log: log}
	p.ran, _ = os.Stat(p.path)
	return p
}

// successor returns the version of the program that has taken this one's place, and why it cannot take over; found is
// false if there is none. A program that is just being written is none yet.
func (p *programFile) successor(ctx context.Context) (version, problem string, found bool) {
	now, err := os.Stat(p.path)
	if p.ran == nil || err != nil || sameProgram(p.ran, now) {
		return "", "", false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen == nil || !sameProgram(p.seen, now) {
		p.seen = now
		p.version, p.problem = "", ""
		if err := trustedProgram(p.path); err != nil {
			p.problem = "the new program is not to be trusted: " + api.Excerpt(err.Error())
		} else if p.version, err = versionOf(ctx, p.path); err != nil {
			p.problem = "the new program does not run: " + api.Excerpt(err.Error())
		}
	}
	return p.version, p.problem, true
}

func sameProgram(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// trustedProgram refuses a program that others could have put there.
func trustedProgram(path string) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	dir, err := own.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	f, err := dir.OpenFile(filepath.Base(path), os.O_RDONLY)
	if err != nil {
		return err
	}
	return f.Close()
}

// versionOf runs the program at path, which shows that it is whole, and returns its version.
func versionOf(ctx context.Context, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, versionPatience)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, path, "--version")
	cmd.Dir, cmd.Env, cmd.Stdout = "/", process.Environ(os.Environ()), &out
	if err := cmd.Run(); err != nil {
		return "", err
	}
	rest, ok := strings.CutPrefix(out.String(), "oauthd version ")
	version, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	if !ok || version == "" {
		return "", errors.New("it is not oauthd")
	}
	return api.Excerpt(version), nil
}

// become makes this process the new program's daemon, on the same sockets; it returns if that fails, and then this program
// goes on.
func (p *programFile) become(o serveOptions, on sockets) {
	passing, err := on.arguments()
	if err == nil {
		argv := append([]string{p.path, "serve", "--log-level", o.logLevel, "--started-by", o.startedBy}, passing...)
		if o.logFile != "" {
			argv = append(argv, "--log-file", o.logFile)
		}
		process.StartAnew(p.path, argv, os.Environ())
	}
	p.due.Store(false)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.problem = "the new program cannot be started"
}

// restarting is how a daemon makes room for a new program; a nil one never does.
type restarting struct {
	program *programFile
	again   func()                           // another daemon is to follow in this process
	loses   func() bool                      // whether it could not do what this one can
	busy    func(ctx context.Context) string // what must end first
}

// status returns the program that is to take over, and what that waits for; nil if there is none.
func (r *restarting) status(ctx context.Context) *api.Upgrade {
	if r == nil {
		return nil
	}
	version, problem, found := r.program.successor(ctx)
	if !found {
		return nil
	}
	u := &api.Upgrade{Version: version, Waiting: problem}
	switch {
	case problem != "":
	case !process.StartsAnew:
		u.Waiting = "the old one runs until oauthd stop"
	case r.loses():
		u.Waiting = "the daemon holds credentials, or the key to them, that it would lose; oauthd stop ends it all the same"
	default:
		u.Waiting = r.busy(ctx)
	}
	return u
}

// versions names the daemon's version, and the others that there are: this program's, and the one that is to take over.
func versions(s api.Status) string {
	text := s.Version
	if s.Version != release {
		text += " (this program is " + release + ")"
	}
	switch u := s.Upgrade; {
	case u == nil:
	case u.Waiting == "":
		text += "; " + u.Version + " takes over at the next idle moment"
	case u.Version == "":
		text += "; " + u.Waiting
	default:
		text += "; " + u.Version + " is installed: " + u.Waiting
	}
	return text
}
