package mcp

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"
)

// errCut means that a stream ended before the answer.
var errCut = errors.New("the connection broke before the answer")

// position is where a stream was cut off.
type position struct {
	lastID string
	retry  time.Duration
}

// stream passes on a stream of events until its end. If that comes before the answers to k, and events have ids, the
// stream goes on from the last one.
func (c *conversation) stream(ctx context.Context, resp *http.Response, k *call) error {
	at, failures := position{}, 0
	err := c.relay(resp.Body, &at, k)
	for {
		switch {
		case !k.request():
			return nil
		case errors.Is(err, errTooLong) || at.lastID == "" || failures == tries:
			return errors.Join(errCut, err)
		}
		if !wait(ctx, max(at.retry, c.after(failures))) {
			return ctx.Err()
		}
		failures++
		before := at.lastID
		next, got := c.get(ctx, at.lastID)
		if got != nil {
			err = got
			continue
		}
		if !streams(next) {
			defer next.Body.Close()
			return c.refused(next, k)
		}
		err = c.relay(next.Body, &at, k)
		_ = next.Body.Close()
		if at.lastID != before {
			failures = 0
		}
	}
}

// relay passes on the events of one body. It returns nil at the body's regular end.
func (c *conversation) relay(body io.Reader, at *position, k *call) error {
	stream := newEvents(body)
	stream.lastID = at.lastID
	for {
		data, err := stream.next()
		at.lastID = stream.lastID
		if stream.retry > 0 {
			at.retry = stream.retry
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := c.pass(data, k); err != nil {
			return err
		}
	}
}

// get opens a stream of the server's messages, after the event with that id unless it is "".
func (c *conversation) get(ctx context.Context, lastID string) (*http.Response, error) {
	req, err := c.newRequest(ctx, http.MethodGet, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/event-stream")
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	return c.web.Do(req)
}

func streams(resp *http.Response) bool {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return resp.StatusCode == http.StatusOK && kind == "text/event-stream"
}

// hear opens the stream for messages that answer nothing, once the client is initialized, unless it is open or the server
// has none. A stream that could not be had for too long is tried again after the next message that gets through.
func (c *conversation) hear(ctx context.Context, sent message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if sent.is("notifications/initialized") {
		c.session.ready = true
	}
	if !c.session.ready || c.session.listening || c.session.mute {
		return
	}
	listening, stop := context.WithCancel(ctx)
	c.session.listening, c.session.stop = true, stop
	id := c.session.id
	c.listeners.Go(func() {
		defer stop()
		mute := c.listen(listening)
		c.mu.Lock()
		defer c.mu.Unlock()
		if listening.Err() == nil && c.session.id == id {
			c.session.listening, c.session.mute = false, mute
		}
	})
}

// listen passes on the messages of the server that answer nothing, across cuts, and reports whether the server has none.
func (c *conversation) listen(ctx context.Context) (mute bool) {
	at := position{}
	for failures := 0; failures < tries; failures++ {
		resp, err := c.get(ctx, at.lastID)
		switch {
		case ctx.Err() != nil:
			return false
		case err != nil && !transient(err):
			c.report(c.worded(err))
			return false
		case err == nil && streams(resp):
			failures = 0
			c.works()
			err = c.relay(resp.Body, &at, nil)
			_ = resp.Body.Close()
			if errors.Is(err, errTooLong) {
				c.report(c.worded(err))
			}
		case err == nil:
			_ = resp.Body.Close()
			if s := resp.StatusCode; s < http.StatusInternalServerError && s != http.StatusTooManyRequests && at.lastID == "" {
				return s != http.StatusUnauthorized && s != http.StatusForbidden
			}
			at.lastID = "" // it may be too old for the server
		}
		if !wait(ctx, max(at.retry, c.after(failures))) {
			return false
		}
	}
	return false
}

// after returns the pause after that many failures.
func (c *conversation) after(failures int) time.Duration {
	pause := c.pause
	if pause == 0 {
		pause = firstPause
	}
	return pause << min(failures, tries)
}

// wait returns false if ctx ends first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
