package sockets

import (
	"testing"
	"time"

	"oauthd/daemon/account"

	"github.com/rs/zerolog"
)

const path = "/run/agent.sock"

// keeper returns a Keeper that serves nothing, and a clock that moves without its timers, as in a suspended machine.
func keeper() (k *Keeper, now *time.Time) {
	now = new(time.Now())
	return New(Config{
		Open: func(account.Socket) (func(), error) { return func() {}, nil }, Log: zerolog.Nop(), Now: func() time.Time { return *now },
	}), now
}

func TestATokenThatIsNotHandedOutDoesNotCount(t *testing.T) {
	k, _ := keeper()
	if _, err := k.Add(account.Socket{Name: path, Account: "work", Max: 1}, time.Time{}, false); err != nil {
		t.Fatal(err)
	}
	if err := k.Take(path); err != nil {
		t.Fatal(err)
	}
	if err := k.Take(path); err == nil {
		t.Error("got a second token of one")
	}
	k.Return(path)
	if err := k.Take(path); err != nil {
		t.Errorf("got %v, want the token that was given back", err)
	}
}

func TestASocketEndsByTheWallClock(t *testing.T) {
	k, now := keeper()
	s, err := k.Add(account.Socket{Name: path, Account: "work"}, now.Add(8*time.Hour), false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = k.End(path) }()
	if err := k.Take(path); err != nil {
		t.Fatal(err)
	}
	*now = *s.ExpiresAt
	if err := k.Take(path); err == nil {
		t.Error("got a token after the end, want none although the timer has not fired")
	}
}
