package grant

import (
	"net/http"
	"testing"
	"time"
)

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
