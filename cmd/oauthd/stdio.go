package main

import (
	"context"
	"io"

	"oauthd/cmd/oauthd/screen"
)

// stdio is what a verb reads and writes: results go to out, everything else to err.
type stdio struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

type stdioKey struct{}

// withStdio puts the streams of a command line into ctx, for openLocked and waitingFor.
func withStdio(ctx context.Context, std stdio) context.Context {
	return context.WithValue(ctx, stdioKey{}, std)
}

// waitingFor shows, at the terminal of the command line that ctx belongs to, what it waits for, until over is called.
func waitingFor(ctx context.Context, what string) (over func()) {
	std, ok := ctx.Value(stdioKey{}).(stdio)
	if !ok {
		return func() {}
	}
	return screen.Progress(std.err, what)
}
