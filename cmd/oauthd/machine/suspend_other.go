//go:build !linux

package machine

import "context"

// WatchSuspend leaves it to the daemon's clock, which notices a suspend a little later.
func WatchSuspend(context.Context, func()) {}
