package main

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"

	"oauthd/cmd/oauthd/machine"
	"oauthd/ipc"
	"oauthd/ipc/api"
	"oauthd/ipc/emulate/oidcagent"

	"github.com/rs/zerolog"
)

// sideDoor is where oidc-agent's clients are answered, beside the daemon's own socket: while config.toml asks for it, or if
// systemd holds a socket for it. The daemon works without it too, so whatever is wrong with it is only reported. A nil one is
// never open.
type sideDoor struct {
	log zerolog.Logger
	// wanted reports whether config.toml asks for it; it must be set before run.
	wanted func() bool
	// held is true if systemd holds the socket, so that the door is always open.
	held   bool
	passed handed
	looks  chan struct{} // holds one element when wanted may have changed

	mu       sync.Mutex   // guards the fields below
	socket   string       // "" if there cannot be one
	moves    int          // how often follow was called
	listener net.Listener // nil while it is closed
	problem  string       // why it is not open although it should be
}

// newSideDoor returns the door beside a daemon's socket.
func newSideDoor(socket string, passed handed, log zerolog.Logger) *sideDoor {
	return &sideDoor{
		log: log, socket: api.OIDCAgentSocket(socket), held: passed.file != nil && !passed.ours, passed: passed, looks: make(chan struct{}, 1),
	}
}

// look has run ask again whether the door is wanted. It returns at once.
func (s *sideDoor) look() {
	select {
	case s.looks <- struct{}{}:
	default:
	}
}

// follow has the door be beside the daemon's socket, which is another one now.
func (s *sideDoor) follow(socket string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	s.socket = api.OIDCAgentSocket(socket)
	s.moves++
	s.mu.Unlock()
	s.look()
}

// place returns where the door is.
func (s *sideDoor) place() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.socket
}

// moved returns how often the door was told to follow the daemon's socket, which may be at the same path again.
func (s *sideDoor) moved() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.moves
}

// due reports whether the door should be open.
func (s *sideDoor) due() bool { return s.held || s.wanted() }

// run opens and closes the door as the configuration says, until ctx ends.
func (s *sideDoor) run(ctx context.Context, server *ipc.Server) {
	for s != nil && ctx.Err() == nil {
		if s.due() {
			s.set(nil, s.serve(ctx, server))
		} else {
			s.drop()
			s.set(nil, nil)
		}
		select {
		case <-s.looks:
		case <-ctx.Done():
		}
	}
}

// drop closes the socket that another daemon has left for a door that is not wanted any more.
func (s *sideDoor) drop() {
	if s.passed.file == nil {
		return
	}
	if l, err := s.passed.listener(s.place()); err == nil {
		_ = l.Close()
	}
}

// serve answers clients until ctx ends, or the door is no longer due there; any other end is an error.
func (s *sideDoor) serve(ctx context.Context, server *ipc.Server) error {
	began, socket := s.moved(), s.place()
	if socket == "" {
		return errors.New("oidc-agent's clients know no named pipes")
	}
	l, err := s.passed.listener(socket)
	if err != nil {
		return err
	}
	s.set(l, nil)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	gone, err := machine.WatchSocket(ctx, socket)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	var work sync.WaitGroup
	defer work.Wait()
	var lost error
	work.Go(func() {
		defer cancel()
		for s.due() && s.moved() == began {
			select {
			case <-s.looks:
			case <-gone:
				if s.moved() == began {
					lost = errors.New("the socket is gone; oauthd reload makes it anew")
				} else {
					s.look() // the look of the move may have been taken already
				}
				if own, ok := l.(*net.UnixListener); ok {
					own.SetUnlinkOnClose(false) // what is there now is not ours
				}
				return
			case <-ctx.Done():
				return
			}
		}
		s.look() // run has to see what this has seen
	})
	s.log.Info().Str("socket", socket).Msg("listening for oidc-agent's clients")
	err = server.Speak(ctx, l, func(ctx context.Context, c io.ReadWriter, ask ipc.Asked) error {
		return oidcagent.Serve(ctx, c, ask)
	})
	cancel()
	work.Wait()
	return errors.Join(err, lost)
}

// set notes that l is open, or that none is, and why.
func (s *sideDoor) set(l net.Listener, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listener, s.problem = l, ""
	if err != nil {
		s.problem = api.Excerpt(err.Error())
		s.log.Error().Err(err).Str("socket", s.socket).Msg("oidc-agent's clients get no answer")
	}
}

// state returns the socket, "" if none is wanted, and why nobody answers there.
func (s *sideDoor) state() (socket, problem string) {
	if s == nil {
		return "", ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil && s.problem == "" {
		return "", ""
	}
	return s.socket, s.problem
}

// keep has the socket stay there when the daemon ends, for the next one.
func (s *sideDoor) keep() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return
	}
	if err := s.passed.keep(s.listener); err != nil {
		s.log.Warn().Err(err).Msg("the socket for oidc-agent's clients is made anew")
	}
}
