package client_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"oauthd/ipc/api"
)

// A context that has ended gets no token, even if one is at hand on a kept connection.
func TestTokenAfterTheEndOfTheContext(t *testing.T) {
	_, c := newMint(t, time.Hour)
	if _, err := c.Token(t.Context(), api.TokenRequest{Account: "work"}); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range 200 {
		if _, err := c.Token(ended, api.TokenRequest{Account: "work"}); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v, want context.Canceled", err)
		}
	}
}
