package grant

import (
	"net/http"
	"testing"
	"time"
)

// A refused assertion is explained by the clock; other refusals are not.
func TestClockIsBlamedForAssertions(t *testing.T) {
	a := Answer{Header: http.Header{"Date": {"Sun, 22 Nov 2026 13:00:00 GMT"}}, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	const trouble = "this machine's clock is 60 minutes slow"
	for _, tc := range []struct {
		code, description string
		asserted          bool
		kind, want        Kind
		says              string
	}{
		{"invalid_grant", "", true, LoginRequired, Configuration, trouble},
		{"invalid_client", "expired", true, Configuration, Configuration, "expired; " + trouble},
		{"invalid_scope", "unknown", true, Configuration, Configuration, "unknown"},
		{"invalid_grant", "unknown", false, LoginRequired, Configuration, "unknown"},
		{"server_error", "", true, Transient, Transient, ""},
	} {
		fail := a.ofMachine(&ProviderError{Kind: tc.kind, Code: tc.code, Description: tc.description}, tc.asserted)
		if fail.Kind != tc.want || fail.Description != tc.says {
			t.Errorf("%s, asserted %t: got %s %q, want %s %q", tc.code, tc.asserted, fail.Kind, fail.Description, tc.want, tc.says)
		}
	}
}

func TestClockTrouble(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name string
		date string
		want string
	}{
		{"none", "", ""},
		{"rubbish", "soon", ""},
		{"equal", now.Format(http.TimeFormat), ""},
		{"a minute", now.Add(time.Minute).Format(http.TimeFormat), ""},
		{"90 seconds", now.Add(90 * time.Second).Format(http.TimeFormat), "this machine's clock is 90 seconds slow"},
		{"ten minutes slow", now.Add(10 * time.Minute).Format(http.TimeFormat), "this machine's clock is 10 minutes slow"},
		{"ten minutes fast", now.Add(-10 * time.Minute).Format(http.TimeFormat), "this machine's clock is 10 minutes fast"},
		{"hours", now.Add(-5 * time.Hour).Format(http.TimeFormat), "this machine's clock is 5 hours fast"},
		{"a second over a minute", now.Add(61 * time.Second).Format(http.TimeFormat), "this machine's clock is 61 seconds slow"},
		{"two minutes", now.Add(2 * time.Minute).Format(http.TimeFormat), "this machine's clock is 2 minutes slow"},
		{"two hours", now.Add(2 * time.Hour).Format(http.TimeFormat), "this machine's clock is 2 hours slow"},
		{"two days", now.Add(-48 * time.Hour).Format(http.TimeFormat), "this machine's clock is 2 days fast"},
		{"years", now.AddDate(10, 0, 0).Format(http.TimeFormat), "this machine's clock is 3653 days slow"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := Answer{Header: http.Header{"Date": {tc.date}}, now: now}
			if got := a.clockTrouble(); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
