//go:build !linux

package main

import "context"

// clockChanges leaves it to polling.
func clockChanges(context.Context) <-chan struct{} { return nil }
