// Package hold knows which callers keep using an answer that they got about an account. It promises that each of them hears of
// the next change to that account, and that whoever causes the change can wait until all have heard of it.
package hold

import (
	"context"
	"sync"
	"time"
)

// patience is how long Settle waits at most.
const patience = time.Second

// Desk knows who holds an answer. The zero Desk is ready. It is safe for concurrent use.
type Desk struct {
	mu     sync.Mutex // guards the fields below, and those of each Hold
	rounds map[string]*round
	untold int           // how many holders have not heard of a change yet
	quiet  chan struct{} // closed once that is 0; nil while it is
}

// round is from one change of an account to the next.
type round struct {
	account string
	over    chan struct{}
	ended   bool
	holders int
}

// Hold is one caller's; [Hold.End] must be called once.
type Hold struct {
	desk *Desk
	of   *round
}

// Begin returns a Hold on the account of that name. Call it before you look up what is to be held.
func (d *Desk) Begin(account string) Hold {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.rounds[account]
	if r == nil {
		if d.rounds == nil {
			d.rounds = map[string]*round{}
		}
		r = &round{account: account, over: make(chan struct{})}
		d.rounds[account] = r
	}
	r.holders++
	return Hold{d, r}
}

// Over is closed once the account has changed.
func (h Hold) Over() <-chan struct{} { return h.of.over }

// End says that the caller has heard of the change, or holds nothing.
func (h Hold) End() {
	d, r := h.desk, h.of
	d.mu.Lock()
	defer d.mu.Unlock()
	r.holders--
	if !r.ended {
		if r.holders == 0 {
			delete(d.rounds, r.account)
		}
		return
	}
	if d.untold--; d.untold == 0 {
		close(d.quiet)
		d.quiet = nil
	}
}

// Changed ends what is held of the accounts of these names.
func (d *Desk) Changed(accounts ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range accounts {
		if r := d.rounds[name]; r != nil {
			d.endLocked(r)
		}
	}
}

// ChangedAll ends all that is held.
func (d *Desk) ChangedAll() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.rounds {
		d.endLocked(r)
	}
}

func (d *Desk) endLocked(r *round) {
	delete(d.rounds, r.account)
	r.ended = true
	close(r.over)
	d.untold += r.holders
	if d.quiet == nil {
		d.quiet = make(chan struct{})
	}
}

// Settle waits until every holder has heard of the changes so far, but no more than a second for one that does not listen.
func (d *Desk) Settle(ctx context.Context) {
	d.mu.Lock()
	quiet := d.quiet
	d.mu.Unlock()
	if quiet == nil {
		return
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-quiet:
	case <-late.C:
	case <-ctx.Done():
	}
}
