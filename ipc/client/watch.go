package client

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"time"

	"oauthd/ipc/api"
)

// awayPause is how long a watch waits between two looks for a daemon that is being restarted.
const awayPause = 50 * time.Millisecond

// Watch says how an account is, every account for "", and then every new token and every change, until ctx ends, which
// ends the sequence without an error, or the caller stops. The token itself is never told: [Client.Token] gives it.
//
// Across a restart of the daemon the sequence goes on, beginning again with how everything is; an account that was
// removed meanwhile is not in that. A daemon that stays away for two seconds is not started again.
//
// An error is the sequence's last element: [ErrNoDaemon] when the daemon has ended, [ErrBusy] when the events were not
// read in time. Another Watch then begins with everything as it is. Each range over the sequence is a watch of its own.
func (c *Client) Watch(ctx context.Context, account string) iter.Seq2[api.WatchEvent, error] {
	return func(yield func(api.WatchEvent, error) bool) {
		stopped := false
		each := func(e api.WatchEvent) bool {
			stopped = !yield(e, nil)
			return !stopped
		}
		// The restarted daemon is another's doing: this client must not be what starts it.
		next := &Client{Socket: c.Socket, Environment: c.Environment}
		defer func() { _ = next.Close() }()
		var away time.Time // since when there is no daemon; zero until there was one
		heard, err := c.watchOnce(ctx, account, each)
		for !stopped && ctx.Err() == nil {
			if heard {
				away = time.Now()
			}
			if !restarting(err, heard) || time.Since(away) > restart {
				yield(api.WatchEvent{}, err)
				return
			}
			select {
			case <-time.After(awayPause):
			case <-ctx.Done():
				return
			}
			heard, err = next.watchOnce(ctx, account, each)
		}
	}
}

// restarting reports whether err may be a restart's: there is no daemon, or it told nothing because it is stopping.
func restarting(err error, heard bool) bool {
	return errors.Is(err, ErrNoDaemon) || !heard && errors.Is(err, ErrBusy)
}

// watchOnce hands events to each until it returns false, or the daemon ends. heard is true when the daemon was there.
func (c *Client) watchOnce(ctx context.Context, account string, each func(api.WatchEvent) bool) (heard bool, err error) {
	path := api.PathWatch
	if account != "" {
		if err := api.CheckAccountName(account); err != nil {
			return false, err
		}
		path += "?account=" + url.QueryEscape(account)
	}
	silent := &api.Error{Code: api.NoDaemon, Message: "the daemon has ended", Hint: "start one with oauthd serve"}
	return stream(ctx, c, http.MethodGet, path, "", nil, silent, func(e api.WatchEvent) (more bool, err error) {
		return each(e), nil
	})
}

// Reload has the daemon read its configuration again. An error means that nothing was taken over.
func (c *Client) Reload(ctx context.Context) (api.ReloadResult, error) {
	var r api.ReloadResult
	err := c.call(ctx, http.MethodPost, api.PathReload, "", &r)
	return r, err
}
