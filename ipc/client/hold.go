package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"oauthd/ipc/api"
)

const (
	// often is how close requests must be for a token to be held.
	often = time.Second
	// unheld is for how long a token that the daemon lets nobody hold is asked for each time.
	unheld = 10 * time.Second
)

// errHoldEnd is the end of a daemon's answer that should have had a token.
var errHoldEnd = &api.Error{Code: api.NoDaemon, Message: "the daemon has ended", Hint: "try again"}

// holder has the tokens for a transport.
type holder struct {
	client  *Client
	request api.TokenRequest

	mu     sync.Mutex // guards the fields below
	held   *hold      // the last one; nil for none
	asked  time.Time  // when a token was wanted last
	after  time.Time  // none is held before
	trying bool
}

// hold is a token, and whether it has to be asked for again.
type hold struct {
	token api.Token
	ended atomic.Bool
	end   context.CancelFunc // of the request that says when
}

// token returns the token that is held, or asks for one.
func (h *holder) token(ctx context.Context) (api.Token, error) {
	if !h.client.Hold {
		return h.client.Token(ctx, h.request)
	}
	now := time.Now()
	h.mu.Lock()
	if h.held != nil && !h.held.ended.Load() {
		defer h.mu.Unlock()
		h.asked = now
		return h.held.token, nil
	}
	try := !h.trying && now.Sub(h.asked) < often && !now.Before(h.after)
	h.asked, h.trying = now, h.trying || try
	h.mu.Unlock()
	if !try {
		return h.client.Token(ctx, h.request)
	}
	t, err := h.hold(ctx)
	switch code := api.AsError(err); {
	case err == nil || ctx.Err() != nil:
	case code.Code == api.BadRequest, code.Code == api.NoDaemon, code.Code == api.Busy:
		// An older daemon or a restricted socket lets nobody hold anything, and one that ends is waited for there.
		return h.client.Token(ctx, h.request)
	}
	return t, err
}

// firstToken is how a request to hold a token begins.
type firstToken struct {
	token api.Token
	err   error
}

// hold asks for a token that may be held.
func (h *holder) hold(ctx context.Context) (api.Token, error) {
	patience := tokenTimeout
	if h.request.Interactive {
		patience = personTimeout
	}
	lasting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	given := context.AfterFunc(ctx, cancel)
	late := time.AfterFunc(patience, cancel)
	first := make(chan firstToken, 1)
	go func() {
		defer cancel()
		h.follow(lasting, cancel, first)
	}()
	got := <-first
	late.Stop()
	if !given() && got.err != nil && ctx.Err() != nil {
		got.err = contextError(ctx.Err())
	}
	return got.token, got.err
}

// follow puts the beginning of the answer into first, and returns at its end.
func (h *holder) follow(ctx context.Context, cancel context.CancelFunc, first chan<- firstToken) {
	body, err := json.Marshal(h.request)
	if err != nil {
		first <- firstToken{err: err}
		return
	}
	var held *hold
	begun, released := false, h.client.releases()
	_, err = stream(ctx, h.client, http.MethodPost, api.PathHold, "", body, errHoldEnd, func(e api.HeldToken) (bool, error) {
		if begun || e.Token == nil {
			return false, nil
		}
		begun = true
		if e.Held {
			held = &hold{token: *e.Token, end: cancel}
			h.client.begin(held, released)
		}
		h.settle(held, unheld)
		first <- firstToken{token: *e.Token}
		return e.Held, nil
	})
	if held != nil {
		h.client.over(held)
	}
	if !begun {
		wait := time.Duration(0)
		if errors.Is(err, &api.Error{Code: api.BadRequest}) {
			wait = 24 * time.Hour
		}
		h.settle(nil, wait)
		if err == nil {
			err = malformed()
		}
		first <- firstToken{err: err}
	}
}

// settle takes what a request to hold a token has come to; without one, the next is sent after a while at the earliest.
func (h *holder) settle(held *hold, wait time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held, h.trying = held, false
	if held == nil {
		h.after = time.Now().Add(wait)
	}
}

// begin and over note a hold while it lasts. It has ended at once if all were ended since it was asked for.
func (c *Client) begin(held *hold, released int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.released != released {
		held.ended.Store(true)
		held.end()
		return
	}
	if c.holds == nil {
		c.holds = map[*hold]struct{}{}
	}
	c.holds[held] = struct{}{}
}

func (c *Client) over(held *hold) {
	held.ended.Store(true)
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.holds, held)
}

func (c *Client) releases() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.released
}

// release ends all holds, and those that are being asked for.
func (c *Client) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.released++
	for held := range c.holds {
		held.ended.Store(true)
		held.end()
	}
}
