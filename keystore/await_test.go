package keystore

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// What nobody waits for any more ends all the same, and then gives its place to the next.
func TestAwaitThatIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turn := make(chan struct{}, 1)
		ctx, cancel := context.WithCancel(t.Context())
		answer := make(chan struct{})
		ended := make(chan error)
		go func() {
			_, err := await(ctx, turn, func() (string, error) { <-answer; return "late", nil })
			ended <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		if _, err := await(ctx, turn, func() (string, error) { t.Error("it began beside the other"); return "", nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("while the first is under way: got %v, want %v", err, context.Canceled)
		}
		close(answer)
		if got, err := await(t.Context(), turn, func() (string, error) { return "next", nil }); got != "next" || err != nil {
			t.Errorf("got %q, %v; want the next one's", got, err)
		}
	})
}

// An answer is kept up to its bound.
func TestBounded(t *testing.T) {
	b := bounded{room: 4}
	for _, tt := range []struct {
		text string
		ok   bool
	}{{"ab", true}, {"abc", false}, {"cd", true}, {"e", false}} {
		if n, err := b.Write([]byte(tt.text)); (err == nil) != tt.ok || tt.ok && n != len(tt.text) || !tt.ok && n != 0 {
			t.Errorf("%q: got %d, %v; want it taken: %t", tt.text, n, err, tt.ok)
		}
	}
	if got := string(b.Bytes()); got != "abcd" {
		t.Errorf("got %q, want abcd", got)
	}
}
