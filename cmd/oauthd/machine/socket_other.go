//go:build !linux && !windows

package machine

import "context"

// socketChanges leaves it to polling.
func socketChanges(context.Context, string) <-chan struct{} { return nil }
