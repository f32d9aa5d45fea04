package ipc

import (
	"context"
	"net/http"

	"oauthd/ipc/api"
)

// stream runs something that reports through events, and sends these as they come. An error before the first event is
// an ordinary error answer; after it, the error is the last event. name is the account's, "" if it is not known.
func (sv *serving) stream(
	ctx context.Context, c *call, name string, run func(ctx context.Context, events func(any)) error,
) error {
	ctx, events, end := sv.openStream(ctx, c)
	defer end()
	err := func() (err error) {
		defer recovered(&err)
		return run(ctx, events.write)
	}()
	if err == nil || !events.begun {
		return err
	}
	events.write(api.LoginEvent{Event: api.EventError, Error: sv.report(ctx, c.r.Pattern, name, err)})
	return nil
}

// openStream returns what writes the events of an answer, and a context that ends when the caller goes away or the
// server is to stop: a stream may be waiting for a person, and a stopping server does not. end must be called.
func (sv *serving) openStream(ctx context.Context, c *call) (_ context.Context, _ *eventWriter, end func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	detach := context.AfterFunc(sv.stop, func() { cancel(errStopping()) })
	return ctx, &eventWriter{w: c.w, control: http.NewResponseController(c.w), broken: cancel}, func() {
		detach()
		cancel(nil)
	}
}

// eventWriter writes events as NDJSON, each flushed.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
	broken  context.CancelCauseFunc // called if the caller does not take an event
}

// begin sends the header.
func (e *eventWriter) begin() {
	e.header()
	if err := e.control.Flush(); err != nil {
		e.broken(err)
	}
}

func (e *eventWriter) header() {
	e.begun = true
	h := e.w.Header()
	h.Set("Content-Type", "application/x-ndjson")
	h.Set("Cache-Control", "no-store")
	e.w.WriteHeader(http.StatusOK)
}

// write sends one event: an [api.LoginEvent], an [api.ImportEvent] or an [api.WatchEvent].
func (e *eventWriter) write(event any) {
	line, err := api.Marshal(event)
	if err != nil {
		e.broken(err)
		return
	}
	if !e.begun {
		e.header()
	}
	e.send(append(line, '\n'))
}

// confide sends an event with a secret. net/http keeps what it has sent in its buffers for as long as the stream is open, so
// white space of the same length, which NDJSON ignores, goes after it and takes its place there.
func (e *eventWriter) confide(event any) {
	line, err := api.Marshal(event)
	if err != nil {
		e.broken(err)
		return
	}
	if !e.begun {
		e.begin() // so that the event is alone in the buffers
	}
	line = append(line, '\n')
	e.send(line)
	for i := range line {
		line[i] = ' '
	}
	e.send(line)
}

func (e *eventWriter) send(line []byte) {
	_, err := e.w.Write(line)
	if err == nil {
		err = e.control.Flush()
	}
	if err != nil {
		e.broken(err)
	}
}
