//go:build linux

package main

import (
	"bytes"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// result is how a command ended.
type result struct {
	exit           int
	stdout, stderr string
}

// command is an oauthd that runs.
type command struct {
	desk   *desk
	name   string
	cmd    *exec.Cmd
	stdout transcript
	stderr transcript
	ended  chan struct{}
}

// run runs one oauthd to its end.
func (d *desk) run(t *testing.T, args ...string) result {
	t.Helper()
	return d.start(t, "", args...).wait(t)
}

// start starts an oauthd that reads stdin.
func (d *desk) start(t *testing.T, stdin string, args ...string) *command {
	t.Helper()
	c := &command{desk: d, name: "oauthd " + strings.Join(args, " "), ended: make(chan struct{})}
	c.cmd = exec.Command(d.oauthd, args...)
	c.cmd.Env = d.env
	c.cmd.Stdin = strings.NewReader(stdin)
	c.cmd.Stdout, c.cmd.Stderr = &c.stdout, &c.stderr
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.ended)
		_ = c.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		<-c.ended
	})
	return c
}

// wait returns how the command ended, and keeps what it wrote for the search for secrets.
func (c *command) wait(t *testing.T) result {
	t.Helper()
	select {
	case <-c.ended:
	case <-time.After(waitLimit):
		t.Fatalf("%s: has not ended, stderr %s", c.name, c.desk.provider.redact(c.stderr.String()))
	}
	r := result{c.cmd.ProcessState.ExitCode(), c.stdout.String(), c.stderr.String()}
	c.desk.keep(output{c.name, "stdout", r.stdout, strings.HasPrefix(c.name, "oauthd token ")})
	c.desk.keep(output{c.name, "stderr", r.stderr, false})
	r.stderr = c.desk.provider.redact(r.stderr) // from here on it may be in a failure message
	return r
}

func (d *desk) keep(o output) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.output = append(d.output, o)
}

var authorizationURL = regexp.MustCompile(`(?m)^ +(http://\S+)\n`)

// url returns the authorization URL that a login has printed.
func (c *command) url(t *testing.T) string {
	t.Helper()
	return c.match(t, authorizationURL)[1]
}

// printedURL is url for a login that prints the URL alone on standard output.
func (c *command) printedURL(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(c.matchIn(t, &c.stdout, regexp.MustCompile(`\S+\n`))[0])
}

// match waits until pattern is on standard error, and returns its groups.
func (c *command) match(t *testing.T, pattern *regexp.Regexp) []string {
	t.Helper()
	return c.matchIn(t, &c.stderr, pattern)
}

func (c *command) matchIn(t *testing.T, stream *transcript, pattern *regexp.Regexp) []string {
	t.Helper()
	deadline := time.After(waitLimit)
	for {
		changed := stream.changes()
		if m := pattern.FindStringSubmatch(stream.String()); m != nil {
			return m
		}
		select {
		case <-changed:
		case <-c.ended:
			r := c.wait(t)
			t.Fatalf("%s: got exit %d and no %q, stderr %s", c.name, r.exit, pattern, r.stderr)
		case <-deadline:
			t.Fatalf("%s: printed no %q", c.name, pattern)
		}
	}
}

// transcript is a buffer that says when it grows.
type transcript struct {
	mu    sync.Mutex // guards the fields below
	text  bytes.Buffer
	grown chan struct{}
}

func (b *transcript) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.grown != nil {
		close(b.grown)
		b.grown = nil
	}
	return b.text.Write(p)
}

func (b *transcript) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// changes returns a channel that is closed at the next write.
func (b *transcript) changes() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.grown == nil {
		b.grown = make(chan struct{})
	}
	return b.grown
}
