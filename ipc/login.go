package ipc

import (
	"context"
	"net/http"

	"oauthd/ipc/api"
)

// postLogin runs a login and writes its events as they come. An error before the first event is an ordinary error
// answer; after it, the last event.
func (sv *serving) postLogin(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	body, err := sv.readBody(w, r, maxDefinition)
	if err != nil {
		return err
	}
	def, err := decodeDefinition(body)
	if err != nil {
		return err
	}
	name := r.PathValue("name")
	return sv.tell(ctx, w, r.Pattern, name, func(ctx context.Context, events func(any)) error {
		return sv.cfg.Backend.Login(ctx, name, def, func(e api.LoginEvent) { events(e) })
	})
}

// tell runs what reports through events, and writes these as they come; an error after the first of them becomes the
// last. A caller who goes away ends the context of run, as the end of the server does.
func (sv *serving) tell(
	ctx context.Context, w http.ResponseWriter, route, name string, run func(ctx context.Context, events func(any)) error,
) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// It may wait for a person: a server that stops does not.
	defer context.AfterFunc(sv.stop, func() { cancel(errStopping()) })()
	events := eventWriter{w: w, control: http.NewResponseController(w), broken: cancel}
	err := func() (err error) {
		defer recovered(&err)
		return run(ctx, events.write)
	}()
	if err == nil || !events.begun {
		return err
	}
	events.write(api.LoginEvent{Event: api.EventError, Error: sv.report(ctx, route, name, err)})
	return nil
}

// eventWriter writes events as NDJSON, each flushed.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
	broken  context.CancelCauseFunc // called when the caller does not take an event
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

// write sends one event, an [api.LoginEvent] or an [api.WatchEvent].
func (e *eventWriter) write(event any) {
	line, err := api.Marshal(event)
	if err != nil {
		e.broken(err)
		return
	}
	if !e.begun {
		e.header()
	}
	if _, err = e.w.Write(append(line, '\n')); err == nil {
		err = e.control.Flush()
	}
	if err != nil {
		e.broken(err)
	}
}
