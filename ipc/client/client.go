package client

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"oauthd/ipc/api"
)

const (
	defaultTimeout = time.Minute
	// tokenTimeout is more than the daemon gives a provider, or a person who is asked whether this program may have a token.
	tokenTimeout = 2 * time.Minute
	// personTimeout is more than the daemon gives a person for a login.
	personTimeout = 7 * time.Minute
	startTimeout  = 30 * time.Second
	restart       = 2 * time.Second // how long a daemon may be away while it is restarted
	maxIdle       = 16
	maxAnswer     = 4 << 20
)

// Client asks the daemon. The zero value works: it finds the socket by the environment and starts no daemon. A Client
// keeps connections and is safe for concurrent use; its fields must not be changed after the first call.
type Client struct {
	// Socket is the daemon's socket; "" means the place that Environment gives, and where the daemon's lock file names
	// another one, that.
	Socket string
	// Environment says where things are; the zero value means [DefaultEnvironment].
	Environment api.Environment
	// Start is called when no daemon runs and returns when one listens, or with the reason why not. Callers that need
	// it at the same time share one call, whose context no single caller's end cancels. Nil means that a missing
	// daemon is a [api.NoDaemon] error.
	Start func(ctx context.Context) error
	// Running restricts the client to a daemon that runs. Without it, systemd starts one for the first connection to a
	// socket that it holds.
	Running bool
	// Locked is called when the daemon answers that it is locked, with that error. If it returns nil, because a person has
	// unlocked it meanwhile, the request is sent once more; otherwise its error is the request's. Nil means that nobody
	// can be asked.
	Locked func(ctx context.Context, locked error) error
	// Waiting is called when a request begins to wait for its answer, or for the first event of one, and the function that
	// it returns when that wait is over; a daemon may have to start, and to ask a provider. Nil means that nobody is shown
	// what is waited for.
	Waiting func(ctx context.Context) (over func())
	// Hold has transports that send many requests keep a token for as long as the daemon says that they would get the same one,
	// instead of asking for each request. It is for programs that run for long.
	Hold bool

	mu       sync.Mutex // guards the fields below
	idle     []*lineConn
	starting *starting
	web      *http.Transport
	holds    map[*hold]struct{} // those that have not ended
	released int                // how often all have been ended
}

// Close closes the connections that are kept. The client may be used on, and then opens new ones.
func (c *Client) Close() error {
	c.closeIdle()
	c.release()
	c.mu.Lock()
	web := c.web
	c.mu.Unlock()
	if web != nil {
		web.CloseIdleConnections()
	}
	return nil
}

// waits calls Waiting.
func (c *Client) waits(ctx context.Context) (over func()) {
	if c.Waiting == nil {
		return func() {}
	}
	return c.Waiting(ctx)
}

// unlocked reports whether a request that failed with err is to be sent once more; if not, the error to return.
func (c *Client) unlocked(ctx context.Context, err error) (again bool, _ error) {
	if err == nil || c.Locked == nil || !errors.Is(err, &api.Error{Code: api.Locked}) {
		return false, err
	}
	if err := c.Locked(ctx, err); err != nil {
		return false, err
	}
	return true, nil
}

func (c *Client) closeIdle() {
	c.mu.Lock()
	idle := c.idle
	c.idle = nil
	c.mu.Unlock()
	for _, lc := range idle {
		lc.close()
	}
}
