//go:build !linux

package machine

import "context"

// clockChanges leaves it to polling.
func clockChanges(context.Context) <-chan struct{} { return nil }
