package screen

import (
	"testing"
	"time"
)

func TestWhen(t *testing.T) {
	now := time.Date(2026, time.January, 2, 3, 4, 5, 0, time.UTC)
	for _, test := range []struct {
		after time.Duration
		want  string
	}{
		{0, "in 0 s"},
		{59 * time.Second, "in 59 s"},
		{time.Minute, "in 1 min"},
		{119 * time.Minute, "in 119 min"},
		{2 * time.Hour, "in 2 h"},
		{47 * time.Hour, "in 47 h"},
		{48 * time.Hour, "in 2 days"},
		{-3 * time.Minute, "3 min ago"},
	} {
		at := now.Add(test.after)
		if got := When(&at, now); got != test.want {
			t.Errorf("%v: got %q, want %q", test.after, got, test.want)
		}
	}
	if got := When(nil, now); got != "" {
		t.Errorf("no time: got %q, want nothing", got)
	}
	if got := Span(-time.Second); got != "0 s" {
		t.Errorf("less than nothing: got %q, want 0 s", got)
	}
}
