// Package mcp puts a stdio server of the Model Context Protocol in front of one that speaks Streamable HTTP, and sends an
// account's access token with every request. It passes messages on as they are and knows only as much of them as the
// transport needs, so that it narrows nothing: progress, cancellation and the requests of a server pass like any other
// message. Nothing is stored, and no redirect is followed.
package mcp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"oauthd/ipc/api"
)

const (
	// maxMessage is the length of the longest message that is passed on, in bytes.
	maxMessage = 16 << 20
	// grace is how long requests may go on after the end of the input.
	grace = 5 * time.Second
	// farewell is how long the server may take to end the session.
	farewell = 3 * time.Second
	// firstPause comes after the first failure to connect; each later pause is twice as long as the one before.
	firstPause = 500 * time.Millisecond
	// tries is how often a connection is tried again.
	tries = 5
)

// Bridge connects a client on a pair of streams with a server.
type Bridge struct {
	// URL is the server's MCP endpoint.
	URL string
	// Account is the name of the account, for messages.
	Account string
	// Transport sends requests with the account's token; see [StepUp] and [oauthd/ipc/client.Client.Transport].
	Transport http.RoundTripper
	// Report shows a person what has failed, once as long as nothing changes, one call at a time.
	Report func(error)

	pause time.Duration // firstPause if zero
}

// Serve passes on each line of in as a message, and writes each message of the server as a line to out. It ends, and ends
// the session, after the end of in, at the end of ctx, or with the error of in or out. A read of in that is under way then
// goes on.
func (b *Bridge) Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	running, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c := &conversation{
		Bridge: b,
		web:    &http.Client{Transport: b.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		out:    out,
		broken: func(err error) { cancel(err) },
		open:   map[string]*call{},
	}
	err := c.converse(running, read(running, in))
	if err == nil {
		c.settle(running)
	}
	cancel(nil)
	c.calls.Wait()
	c.listeners.Wait()
	c.leave(context.WithoutCancel(ctx))
	return err
}

// input is a line, or the error that ended the input.
type input struct {
	line []byte
	err  error
}

// read returns the lines of in; the last element is an error, io.EOF at the end.
func read(ctx context.Context, in io.Reader) <-chan input {
	lines := make(chan input)
	go func() {
		scanner := bufio.NewScanner(in)
		scanner.Buffer(nil, maxMessage)
		pass := func(i input) bool {
			select {
			case lines <- i:
				return true
			case <-ctx.Done():
				return false
			}
		}
		for scanner.Scan() {
			if !pass(input{line: bytes.Clone(scanner.Bytes())}) {
				return
			}
		}
		err := scanner.Err()
		switch {
		case err == nil:
			err = io.EOF
		case errors.Is(err, bufio.ErrTooLong):
			err = &api.Error{Code: api.TooLarge, Message: fmt.Sprintf("a message is longer than %d MiB", maxMessage>>20), Hint: "one message is one line of JSON"}
		}
		pass(input{err: err})
	}()
	return lines
}

// conversation is one run of a bridge.
type conversation struct {
	*Bridge
	web    *http.Client
	broken func(error) // ends the conversation because nobody reads

	calls     sync.WaitGroup // the messages under way
	listeners sync.WaitGroup

	outMu sync.Mutex // guards out, so that lines stay whole
	out   io.Writer

	reportMu sync.Mutex // held during Report, so that messages do not mix

	mu      sync.Mutex // guards the fields below
	session session
	open    map[string]*call // the client's requests under way, by id
	shown   string           // what was reported last
}

// converse sends each line in turn, until the input ends.
func (c *conversation) converse(ctx context.Context, lines <-chan input) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case next := <-lines:
			if errors.Is(next.err, io.EOF) {
				return nil
			}
			if next.err != nil {
				return next.err
			}
			c.take(ctx, next.line)
		}
	}
}

// take begins to send a line, and returns when the next one may follow it: a request once it was sent, anything else once
// the server has taken it. So the server gets them in their order.
func (c *conversation) take(ctx context.Context, line []byte) {
	if len(bytes.TrimSpace(line)) == 0 {
		return
	}
	m, err := parse(line)
	if err != nil {
		c.write(refusal(nil, parseError, &api.Error{Code: api.BadRequest, Message: "a line is no message: " + api.Excerpt(err.Error()), Hint: "one message is one line of JSON"}))
		return
	}
	followed := make(chan struct{})
	follow := sync.OnceFunc(func() { close(followed) })
	current, cancel := context.WithCancel(ctx)
	k := &call{message: m, cancel: cancel, waits: m.requests()}
	c.begin(k)
	c.calls.Go(func() {
		defer follow()
		defer cancel()
		defer c.end(k)
		c.exchange(ctx, current, k, follow)
	})
	select {
	case <-followed:
	case <-ctx.Done():
	}
}

// settle waits for the answers that are still to come.
func (c *conversation) settle(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		c.calls.Wait()
		close(done)
	}()
	patience := time.NewTimer(grace)
	defer patience.Stop()
	select {
	case <-done:
	case <-patience.C:
	case <-ctx.Done():
	}
}

// write writes a message, which has no line break.
func (c *conversation) write(line []byte) {
	c.outMu.Lock()
	defer c.outMu.Unlock()
	if _, err := c.out.Write(append(line, '\n')); err != nil {
		c.broken(fmt.Errorf("mcp: write a message: %w", err))
	}
}

// report shows a person an error, unless it is what was shown last.
func (c *conversation) report(e *api.Error) {
	text := e.Line()
	c.reportMu.Lock()
	defer c.reportMu.Unlock()
	c.mu.Lock()
	known := c.shown == text
	c.shown = text
	c.mu.Unlock()
	if !known {
		c.Report(e)
	}
}

// works notes that the server answers again.
func (c *conversation) works() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shown = ""
}
