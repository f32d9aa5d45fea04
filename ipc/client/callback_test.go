package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"oauthd/ipc/api"
)

// pasteBackend notes what was pasted for whom.
type pasteBackend struct {
	backend
	mu     *sync.Mutex // guards pasted
	pasted map[string]string
	answer error
	hang   chan struct{} // not nil: callbacks wait for it, or their context
}

func (b pasteBackend) Callback(ctx context.Context, id, pasted string) error {
	if b.hang != nil {
		select {
		case <-b.hang:
		case <-ctx.Done():
		}
		return ctx.Err()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pasted[id] = pasted
	return b.answer
}

func newPasteBackend() pasteBackend {
	return pasteBackend{mu: &sync.Mutex{}, pasted: map[string]string{}}
}

func TestCallback(t *testing.T) {
	const plain = "http://127.0.0.1:8400/callback?code=ac-planted&state=st"
	for _, tt := range []struct{ name, id, pasted string }{
		{"by id", "KRUGS4ZANFZSA3TPOQQHIYLLMU", plain},
		{"by name", "ada@example.com", plain},
		{"by a name with a plus", "a+b.c_d-e", plain},
		{"an id to escape", "a/b?c#d e%2Fé", plain},
		{"quotes and line breaks", "work", "\"code=a\\b\"\n state=<é\u2028>\x00"},
		{"nothing", "work", ""},
		{"as long as a response may be", "work", strings.Repeat("\"", 16<<10)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHome(t)
			b := newPasteBackend()
			h.serve(h.socket(), b)
			if err := h.client().Callback(t.Context(), tt.id, tt.pasted); err != nil {
				t.Fatalf("got %v, want it taken", err)
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			if got, ok := b.pasted[tt.id]; !ok || got != tt.pasted || len(b.pasted) != 1 {
				t.Errorf("got %d bytes for %d logins, want what was pasted, for this one", len(got), len(b.pasted))
			}
		})
	}
}

func TestCallbackRefused(t *testing.T) {
	for _, code := range []api.Code{api.BadRequest, api.UnknownLogin} {
		h := newHome(t)
		b := newPasteBackend()
		b.answer = (&api.Error{Code: code, Message: "there is no code in it", Hint: "copy all of it"}).Because(errors.New("code=ac-planted"))
		h.serve(h.socket(), b)
		c := h.client()
		for range 2 { // the connection is good for another try
			err := c.Callback(t.Context(), "work", "code=ac-planted")
			wantCode(t, err, code)
			if e := api.AsError(err); e.Message != "there is no code in it" || e.Hint != "copy all of it" {
				t.Errorf("got %q, hint %q; want the daemon's words", e.Message, e.Hint)
			}
			if text := fmt.Sprintf("%v %+v %v", err, err, errors.Unwrap(err)); strings.Contains(text, "planted") {
				t.Error("the error shows what was pasted")
			}
		}
	}
}

func TestCallbackThatCannotBeMade(t *testing.T) {
	t.Run("too long", func(t *testing.T) {
		h := newHome(t)
		b := newPasteBackend()
		h.serve(h.socket(), b)
		wantCode(t, h.client().Callback(t.Context(), "work", strings.Repeat("x", 1<<20)), api.TooLarge)
		if len(b.pasted) != 0 {
			t.Error("the daemon took it")
		}
	})
	t.Run("no id", func(t *testing.T) {
		h := newHome(t)
		b := newPasteBackend()
		h.serve(h.socket(), b)
		for _, id := range []string{"", ".", ".."} {
			if err := h.client().Callback(t.Context(), id, "code=x"); err == nil || len(b.pasted) != 0 {
				t.Errorf("%q: got %v, want it refused", id, err)
			}
		}
	})
	t.Run("no daemon", func(t *testing.T) {
		wantCode(t, newHome(t).client().Callback(t.Context(), "work", "code=x"), api.NoDaemon)
	})
	t.Run("caller goes away", func(t *testing.T) {
		h := newHome(t)
		b := newPasteBackend()
		b.hang = make(chan struct{})
		h.serve(h.socket(), b)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		c := h.client()
		go func() { ended <- c.Callback(ctx, "work", "code=x") }()
		cancel()
		if err := <-ended; err == nil {
			t.Error("got nil, want the end of the context told")
		}
		close(b.hang)
	})
}
