//go:build !linux

package machine

import (
	"context"
	"errors"
)

// WatchLogind returns at once: there is no logind. The daemon's clock notices a suspend a little later.
func WatchLogind(context.Context, Logind) error { return errors.New("this system has no logind") }
