package vault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"oauthd/keystore"
)

const (
	// freeTries are the wrong passphrases, as a person mistypes them, after which the next try has to wait.
	freeTries = 3
	// firstWait is how long it has to wait then; each wrong one doubles that, up to lastWait.
	firstWait, lastWait = time.Second, time.Minute
)

// TooManyTries means that a passphrase was not tried, because many before it were wrong.
type TooManyTries struct {
	// Wait is until when the next one is not tried either.
	Wait time.Duration
}

func (e *TooManyTries) Error() string {
	return fmt.Sprintf("too many wrong passphrases: the next is tried in %v", e.Wait)
}

// tries slow down who tries one passphrase after another. They are forgotten with the process: a new one would be as
// slow as the first, and the file that a passphrase opens can be tried without any.
type tries struct {
	turn chan struct{} // holds one element while a passphrase is tried, so that none is tried beside it; guards the rest

	wrong int
	until time.Time // when the next may be tried
}

func newTries() tries { return tries{turn: make(chan struct{}, 1)} }

// take tries a passphrase by open, unless it is too early for that. Its errors are open's, a [*TooManyTries], or ctx's.
func (t *tries) take(ctx context.Context, open func() error) error {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return fmt.Errorf("vault: open: %w", ctx.Err())
	}
	if wait := time.Until(t.until); wait > 0 {
		return &TooManyTries{wait}
	}
	err := open()
	switch {
	case err == nil:
		t.wrong = 0
	case errors.Is(err, keystore.ErrPassphrase):
		if t.wrong++; t.wrong >= freeTries {
			t.until = time.Now().Add(min(firstWait<<min(t.wrong-freeTries, 10), lastWait))
		}
	}
	return err
}
