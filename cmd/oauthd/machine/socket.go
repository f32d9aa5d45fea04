//go:build !windows

package machine

import (
	"context"
	"os"
	"time"

	"oauthd/ipc/api"
)

// socketPoll is how often the socket is looked at if nothing reports its end.
const socketPoll = time.Minute

// WatchSocket returns a channel that is closed when the socket at path is gone or another one is in its place, and only
// then: the end of ctx ends the watch. A daemon that nobody can reach must end, because it holds the lock.
func WatchSocket(ctx context.Context, path string) (gone <-chan struct{}, err error) {
	mine, err := os.Lstat(path)
	if err != nil {
		return nil, (&api.Error{Code: api.Internal, Message: "the socket was taken away at once"}).Because(err)
	}
	changes := socketChanges(ctx, path)
	lost := make(chan struct{})
	go func() {
		var poll <-chan time.Time
		if changes == nil {
			ticker := time.NewTicker(socketPoll)
			defer ticker.Stop()
			poll = ticker.C
		}
		for {
			now, err := os.Lstat(path)
			if err != nil || !os.SameFile(mine, now) {
				close(lost)
				return
			}
			select {
			case <-changes:
			case <-poll:
			case <-ctx.Done():
				return
			}
		}
	}()
	return lost, nil
}
