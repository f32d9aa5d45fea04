package news

import (
	"context"
	"testing"

	"oauthd/ipc/api"
)

// one is a single account that is ready.
type one struct{}

func (one) Names() []string { return []string{"work"} }

func (one) Look(context.Context, string) ([]api.Account, error) {
	return []api.Account{{Name: "work"}}, nil
}

func (one) Learn(context.Context, string) error { return nil }

func (one) Known(name string, _ error) (a api.Account, known, exists bool) {
	return api.Account{Name: name, State: api.StateReady}, true, true
}

// TestNothingIsRemembered checks that a desk forgets what it reported when the last one stops watching.
func TestNothingIsRemembered(t *testing.T) {
	d := New(one{})
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		events, err := d.Watch(ctx, "")
		if err != nil {
			t.Fatal(err)
		}
		for e, err := range events {
			if err != nil || e.Status == nil || e.Status.State != api.StateReady {
				t.Fatalf("got %+v, %v; want a snapshot that is ready", e, err)
			}
			if len(d.all) != 1 || len(d.last) != 1 {
				t.Fatalf("got %d who watch and %d accounts, want one of each", len(d.all), len(d.last))
			}
			break
		}
		cancel()
		if len(d.all) != 0 || d.last != nil {
			t.Error("the desk remembers what it told nobody any more")
		}
	}
}
