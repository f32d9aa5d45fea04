package client_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"oauthd/ipc/api"
)

// ending is a context that has ended a moment ago: nobody who waits for it has been told yet.
type ending struct{ context.Context }

func (ending) Err() error { return context.Canceled }

// A context that has ended gets no token, even if one is at hand on a kept connection.
func TestTokenAfterTheEndOfTheContext(t *testing.T) {
	_, c := newMint(t, time.Hour)
	if _, err := c.Token(t.Context(), api.TokenRequest{Account: "work"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Token(ending{t.Context()}, api.TokenRequest{Account: "work"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}
