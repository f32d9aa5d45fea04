package ipc

import (
	"slices"
	"sync"
	"time"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

// maxCallers is how many callers are remembered.
const maxCallers = 64

// callers remembers who asked for tokens of which account last, for a status. A connection is noted when it asks for an
// account for the first time, or after it asked for another, so that a hot loop pays for a comparison alone.
type callers struct {
	mu   sync.Mutex // guards last
	last []api.Caller
}

// note remembers that caller asked for a token of the account of that name.
func (c *callers) note(caller account.Caller, name string, at time.Time) {
	executable := api.Excerpt(caller.Program())
	c.mu.Lock()
	defer c.mu.Unlock()
	same := func(x api.Caller) bool { return x.PID == caller.PID && x.Account == name }
	if i := slices.IndexFunc(c.last, same); i >= 0 {
		c.last = slices.Delete(c.last, i, i+1)
	} else if len(c.last) == maxCallers {
		c.last = slices.Delete(c.last, 0, 1)
	}
	c.last = append(c.last, api.Caller{
		PID: caller.PID, Executable: executable, Account: name, At: at.UTC().Truncate(time.Second),
	})
}

// list returns them, the newest first.
func (c *callers) list() []api.Caller {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := slices.Clone(c.last)
	slices.Reverse(last)
	return last
}

// asksFor notes that c asked for the account of that name. It belongs to the goroutine that serves c.
func (sv *serving) asksFor(c *conn, name string) {
	if c == nil || c.account == name {
		return
	}
	c.account = name
	sv.callers.note(c.caller, name, time.Now())
}
