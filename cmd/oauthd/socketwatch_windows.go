package main

import "context"

// watchSocket returns a channel that is never closed: a named pipe is gone when its process is, and not before.
func watchSocket(context.Context, string) (gone <-chan struct{}, err error) { return nil, nil }
