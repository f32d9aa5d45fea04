package proxy

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"oauthd/ipc/api"
)

const (
	// gather is how long more requests are waited for that are written down with the first: the daemon would be woken for each
	// otherwise, while the next one is under way.
	gather = 50 * time.Millisecond
	// firstPause comes after a first failure, and each one is twice as long as the one before, up to lastPause.
	firstPause = time.Second
	lastPause  = 30 * time.Second
	// mostWaiting is how many requests may wait to be noted.
	mostWaiting = 1 << 12
)

// notes has the daemon write down the requests that were answered. None waits for it, and those that come meanwhile are written
// down together.
type notes struct {
	write    func(ctx context.Context, all []api.ProxiedRequest) error
	complain func(error)
	hurry    chan struct{} // holds an element once the proxy has ended, for the next try
	ended    context.Context

	mu         sync.Mutex // guards the fields below
	open       int        // how many requests are under way
	waiting    []api.ProxiedRequest
	delivering bool
	lost       int           // how many there was no room for
	settled    chan struct{} // closed once none waits or is under way; nil if none does
	refused    bool          // the daemon takes none
}

// begin announces a request that will be noted.
func (n *notes) begin() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open++
	if n.settled == nil {
		n.settled = make(chan struct{})
	}
}

// add has a request noted that was announced.
func (n *notes) add(r api.ProxiedRequest) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open--
	switch {
	case n.refused:
		n.settleLocked()
		return
	case len(n.waiting) == mostWaiting:
		n.lost++
		return
	}
	n.waiting = append(n.waiting, r)
	if !n.delivering {
		n.delivering = true
		go n.deliver()
	}
}

// settle waits until all are noted, or for ctx.
func (n *notes) settle(ctx context.Context) {
	select {
	case n.hurry <- struct{}{}:
	default:
	}
	n.mu.Lock()
	settled := n.settled
	n.mu.Unlock()
	if settled == nil {
		return
	}
	select {
	case <-settled:
	case <-ctx.Done():
	}
}

// deliver has all that wait written down, and waits itself while that fails.
func (n *notes) deliver() {
	wait, complained := firstPause, false
	for {
		n.pause(gather, n.ended.Done())
		some := n.next()
		if some == nil {
			return
		}
		err := n.write(context.Background(), some)
		switch {
		case err == nil:
			wait, complained = firstPause, false
			n.noted(len(some))
			continue
		case errors.Is(err, &api.Error{Code: api.Forbidden}), errors.Is(err, &api.Error{Code: api.BadRequest}):
			n.complain(missing("this proxy's requests", err))
			n.refuse()
			return
		}
		if !complained {
			complained = true
			n.complain(missing("the last requests", err))
		}
		n.pause(wait, n.hurry)
		wait = min(2*wait, lastPause)
	}
}

// pause waits, unless there is a reason not to.
func (n *notes) pause(d time.Duration, hurry <-chan struct{}) {
	over := time.NewTimer(d)
	defer over.Stop()
	select {
	case <-over.C:
	case <-hurry:
	}
}

// next returns those that are to be written next; nil if none waits.
func (n *notes) next() []api.ProxiedRequest {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.waiting) == 0 {
		n.delivering = false
		n.settleLocked()
		return nil
	}
	return n.waiting[:min(len(n.waiting), api.MaxProxied)]
}

// noted forgets the first of those that wait.
func (n *notes) noted(some int) {
	n.mu.Lock()
	n.waiting = append([]api.ProxiedRequest(nil), n.waiting[some:]...)
	lost := n.lost
	n.lost = 0
	n.mu.Unlock()
	if lost > 0 {
		n.complain(missing(fmt.Sprintf("%d requests", lost), errors.New("the daemon did not take them for too long")))
	}
}

// refuse forgets all, and takes no more.
func (n *notes) refuse() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refused, n.waiting, n.delivering = true, nil, false
	n.settleLocked()
}

// settleLocked has those go on who wait for the end, if that has come.
func (n *notes) settleLocked() {
	if n.open == 0 && len(n.waiting) == 0 && n.settled != nil {
		close(n.settled)
		n.settled = nil
	}
}

// missing words requests that are not in the audit log.
func missing(which string, err error) error {
	e := api.AsError(err)
	return (&api.Error{Code: e.Code, Message: which + " are not in the audit log: " + e.Message, Hint: e.Hint}).Because(err)
}

// cut returns the beginning of a text that a client sent.
func cut(text string, most int) string { return text[:min(len(text), most)] }
