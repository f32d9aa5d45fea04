package sockets

import (
	"reflect"
	"testing"
	"time"

	"oauthd/daemon/account"
	"oauthd/ipc/api"

	"github.com/rs/zerolog"
)

const agentPath = "/run/agent.sock"

// keeper returns a Keeper that serves nothing, and a clock that moves without its timers, as in a suspended machine.
func keeper() (k *Keeper, now *time.Time) {
	now = new(time.Now())
	return New(Config{
		Open: func(account.Socket) (func(), error) { return func() {}, nil }, Log: zerolog.Nop(), Now: func() time.Time { return *now },
	}), now
}

func TestATokenThatIsNotHandedOutDoesNotCount(t *testing.T) {
	k, _ := keeper()
	if _, err := k.serve(account.Socket{Name: agentPath, Account: "work", Max: 1}, time.Time{}, false); err != nil {
		t.Fatal(err)
	}
	if err := k.Take(agentPath); err != nil {
		t.Fatal(err)
	}
	if err := k.Take(agentPath); err == nil {
		t.Error("got a second token of one")
	}
	k.Return(agentPath)
	if err := k.Take(agentPath); err != nil {
		t.Errorf("got %v, want the token that was given back", err)
	}
}

func TestASocketEndsByTheWallClock(t *testing.T) {
	k, now := keeper()
	s, err := k.serve(account.Socket{Name: agentPath, Account: "work"}, now.Add(8*time.Hour), false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = k.stop(agentPath) }()
	if err := k.Take(agentPath); err != nil {
		t.Fatal(err)
	}
	*now = *s.ExpiresAt
	if err := k.Take(agentPath); err == nil {
		t.Error("got a token after the end, want none although the timer has not fired")
	}
}

// A reload after which the files name a socket otherwise, or not at all, leaves nothing of what was before.
func TestSettleServesWhatTheFilesName(t *testing.T) {
	k, _ := keeper()
	wide := account.Socket{Name: agentPath, Account: "work", Limits: account.Limits{Scopes: []string{"mail", "files"}}}
	narrow := wide
	narrow.Scopes = []string{"mail"}
	known := func(name string) bool { return name == "work" }
	if _, err := k.serve(account.Socket{Name: "/run/byhand.sock", Account: "work"}, time.Time{}, false); err != nil {
		t.Fatal(err)
	}
	k.settle([]account.Socket{wide}, known)
	if err := k.Take(agentPath); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		files []account.Socket
		known func(string) bool
		want  []api.Socket
	}{
		{"the same", []account.Socket{wide}, known, []api.Socket{
			{Path: agentPath, Account: "work", Scopes: []string{"mail", "files"}, Kept: true, Given: 1}, {Path: "/run/byhand.sock", Account: "work"},
		}},
		{"narrower", []account.Socket{narrow}, known, []api.Socket{
			{Path: agentPath, Account: "work", Scopes: []string{"mail"}, Kept: true}, {Path: "/run/byhand.sock", Account: "work"},
		}},
		{"no more", nil, known, []api.Socket{{Path: "/run/byhand.sock", Account: "work"}}},
		{"no account", nil, func(string) bool { return false }, []api.Socket{}},
	} {
		k.settle(tt.files, tt.known)
		got := k.List()
		for i := range got {
			got[i].CreatedAt = time.Time{}
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
	}
}
