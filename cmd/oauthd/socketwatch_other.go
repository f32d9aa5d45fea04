//go:build !linux && !windows

package main

import "context"

// socketChanges leaves it to polling.
func socketChanges(context.Context, string) <-chan struct{} { return nil }
