package api

import (
	"encoding/json"
	"testing"
	"time"
)

func TestSpan(t *testing.T) {
	for text, want := range map[Span]time.Duration{
		"": 0, "90d": 90 * 24 * time.Hour, "1d": 24 * time.Hour, "3650d": 3650 * 24 * time.Hour, "36h": 36 * time.Hour, "1h30m": 90 * time.Minute,
	} {
		if got := text.Duration(); got != want || text.Check() != nil {
			t.Errorf("%q: got %v, %v; want %v", text, got, text.Check(), want)
		}
	}
	for _, text := range []Span{"d", "0d", "-1d", "1.5d", "3651d", "9999999d", "0h", "-1h", "x", "90"} {
		if text.Check() == nil || text.Duration() != 0 {
			t.Errorf("%q: got %v, %v; want an error", text, text.Duration(), text.Check())
		}
	}
}

func TestSpanJSON(t *testing.T) {
	text, err := json.Marshal([]Span{"90m", "", "1500ms", "wrong", "10d"})
	if err != nil || string(text) != "[5400,0,1,0,864000]" {
		t.Errorf("got %s, %v; want whole seconds", text, err)
	}
	got := []Span{"", "1h"}
	if err := json.Unmarshal([]byte("[5400,0]"), &got); err != nil || got[0].Duration() != 90*time.Minute || got[1] != "" {
		t.Errorf("got %v, %v; want what was written", got, err)
	}
	for _, text := range []string{`"1h"`, `1.5`, `{}`, `-1`} {
		if err := json.Unmarshal([]byte(text), new(Span)); err == nil {
			t.Errorf("%s: got no error", text)
		}
	}
}
