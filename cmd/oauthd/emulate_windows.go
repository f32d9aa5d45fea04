package main

import (
	"context"
	"errors"
	"net"
)

// start serves the site in this process, which stays while the program runs; end ends that.
func (s *site) start(ctx context.Context, std stdio) (end func(), err error) {
	var listeners []net.Listener
	for _, l := range s.listeners {
		listeners = append(listeners, l)
	}
	serving, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = serveEmulations(serving, std.err, s.list, listeners, func() {})
	}()
	return func() {
		cancel()
		<-ended
		s.remove()
	}, nil
}

// serveDetached has nothing to do: the process that starts the program serves it.
func serveDetached(context.Context, stdio, string, int, int) error { return errors.ErrUnsupported }
