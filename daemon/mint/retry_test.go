package mint

import (
	"context"
	"errors"
	"testing"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/token"
	"oauthd/daemon/vault"
	"oauthd/ipc/api"
	"oauthd/keystore"
)

// An ended login is tried again once a minute, whatever is asked of other accounts in between.
func TestRetriesAreCountedByAccount(t *testing.T) {
	var r retries
	now := time.Now()
	for _, tt := range []struct {
		name  string
		after time.Duration
		want  bool
	}{
		{"work", 0, true}, {"home", 0, true}, {"work", retryEvery - 1, false}, {"home", retryEvery, true}, {"work", retryEvery, true},
		{"work", -time.Hour, true}, // the clock was set back
	} {
		if got := r.begin(tt.name, now.Add(tt.after)); got != tt.want {
			t.Errorf("%s after %v: got %t, want %t", tt.name, tt.after, got, tt.want)
		}
	}
}

// A retry brings the record back to life, shows it at once, and holds up no lock.
func TestRetryOfAnEndedLogin(t *testing.T) {
	s := newStub(t)
	store := &closable{}
	s.store = store
	s.start()
	s.save(func(c *account.Credential) { c.Dead = true })
	// As after a restart: nothing is known of the record yet.
	if err := s.Retry(t.Context(), s.account); err != nil || s.stored().Dead {
		t.Errorf("got %v, dead %t; want the login tried once more", err, s.stored().Dead)
	}
	if f, known := s.book.KnownFacts("work"); !known || f.Dead {
		t.Errorf("got known %t, dead %t; want a login that may work", known, f.Dead)
	}
	if s.vault.Gate().Shut(); !store.closed {
		t.Error("the store is still open after a lock, want the retry to have let go of it")
	}
	if err := s.Retry(t.Context(), s.account); err != nil {
		t.Errorf("got %v of a login that has not ended, want nothing done about it", err)
	}
}

// A retry that is refused leaves the time at which the login ended as it was.
func TestRetryThatIsRefused(t *testing.T) {
	s := newStub(t, `{"error":"invalid_grant"}`)
	s.start()
	ended := time.Now().UTC().Add(-48 * time.Hour).Truncate(time.Second)
	s.save(func(c *account.Credential) { c.Dead, c.EndedAt = true, ended })
	if err := s.Retry(t.Context(), s.account); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Mint(t.Context(), token.Key{Account: "work"}); err == nil || len(s.forms) != 1 {
		t.Errorf("got %v after %d requests, want the refusal of one", err, len(s.forms))
	}
	if c := s.stored(); !c.Dead || !c.EndedAt.Equal(ended) {
		t.Errorf("got dead %t since %v, want it ended since %v", c.Dead, c.EndedAt, ended)
	}
}

// A retry is a person's wish, and says why it cannot be fulfilled.
func TestRetryThatCannotBe(t *testing.T) {
	s := newStub(t)
	store := &readOnly{}
	s.store = store
	s.start()
	s.save(func(c *account.Credential) { c.Dead = true })
	store.on = true
	if err := s.Retry(t.Context(), s.account); err == nil || !s.stored().Dead {
		t.Errorf("a store that takes nothing: got %v, dead %t; want its failure, and the record as it was", err, s.stored().Dead)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	unlock, err := s.vault.Lock(t.Context(), "work")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Retry(ctx, s.account); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that left: got %v, want %v", err, context.Canceled)
	}
	unlock()
	s.vault.Gate().Shut()
	if err := s.Retry(t.Context(), s.account); err == nil || api.AsError(err).Code != api.Locked {
		t.Errorf("oauthd is locked: got %v, want locked", err)
	}
}

// closable is a store that a person opens and closes.
type closable struct {
	keystore.Memory
	closed bool
}

func (c *closable) Open(context.Context, string) error { c.closed = false; return nil }
func (c *closable) Close()                             { c.closed = true }
func (c *closable) Closed() bool                       { return c.closed }
func (c *closable) Needs() string                      { return "" }

var _ vault.Openable = (*closable)(nil)
