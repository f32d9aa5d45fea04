package book

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/config"
)

const day = 24 * time.Hour

func TestKeepAliveDueAndForecast(t *testing.T) {
	const limit = 90 * day
	for _, tt := range []struct {
		name     string
		provider string
		tenant   string
		issuer   string
		facts    func(now time.Time) Facts
		due      bool
		ends     time.Duration // from now; 0 for not known
		reason   string
		// prolonged is true if a keep-alive is expected in time.
		prolonged bool
	}{
		{name: "just used", provider: "microsoft", facts: func(now time.Time) Facts { return Facts{Used: now} }, ends: limit,
			reason: "90 days", prolonged: true},
		{name: "before two thirds", provider: "microsoft",
			facts: func(now time.Time) Facts { return Facts{Used: now.Add(-60*day + 1)} }, ends: 30*day + 1, reason: "90 days", prolonged: true},
		{name: "two thirds", provider: "microsoft", facts: func(now time.Time) Facts { return Facts{Used: now.Add(-60 * day)} },
			due: true, ends: 30 * day, reason: "90 days", prolonged: true},
		{name: "a week's limit", provider: "okta", tenant: "acme.okta.com", facts: func(now time.Time) Facts { return Facts{Used: now.Add(-time.Hour)} },
			ends: 7*day - time.Hour, reason: "7 days", prolonged: true},
		{name: "too late", provider: "microsoft", facts: func(now time.Time) Facts { return Facts{Used: now.Add(-limit)} },
			ends: 0, reason: "90 days"},
		{name: "Google", provider: "google", facts: func(now time.Time) Facts { return Facts{Used: now.Add(-121 * day)} },
			due: true, ends: 59 * day, reason: "180 days"},
		{name: "Google, by its issuer", issuer: "https://accounts.google.com",
			facts: func(now time.Time) Facts { return Facts{Used: now.Add(-121 * day)} }, due: true, ends: 59 * day, reason: "180 days"},
		{name: "Google, an app that is tested", provider: "google",
			facts: func(now time.Time) Facts {
				return Facts{Used: now.Add(-time.Hour), RefreshEnds: now.Add(7*day - time.Hour)}
			},
			ends: 7*day - time.Hour, reason: "provider said"},
		{name: "said, and two thirds over", issuer: "https://login.example.com",
			facts: func(now time.Time) Facts { return Facts{Used: now.Add(-20 * day), RefreshEnds: now.Add(10 * day)} },
			due:   true, ends: 10 * day, reason: "provider said"},
		{name: "a session of hours is not prolonged", issuer: "https://login.example.com",
			facts: func(now time.Time) Facts {
				return Facts{Used: now.Add(-50 * time.Minute), RefreshEnds: now.Add(10 * time.Minute)}
			},
			ends: 10 * time.Minute, reason: "provider said"},
		{name: "a longer word than the table's", provider: "microsoft",
			facts: func(now time.Time) Facts { return Facts{Used: now.Add(-61 * day), RefreshEnds: now.Add(300 * day)} },
			due:   true, ends: 29 * day, reason: "90 days"},
		{name: "nothing known", issuer: "https://login.example.com", facts: func(now time.Time) Facts { return Facts{Used: now.Add(-900 * day)} }},
		{name: "no issuer", provider: "github", facts: func(now time.Time) Facts { return Facts{Used: now.Add(-900 * day)} }},
		{name: "ended", provider: "microsoft", facts: func(now time.Time) Facts { return Facts{Used: now.Add(-61 * day), Dead: true} }},
		{name: "no refresh token", provider: "github", facts: func(now time.Time) Facts { return Facts{Ends: now.Add(8 * time.Hour)} },
			ends: 8 * time.Hour, reason: "without a refresh token"},
		{name: "no refresh token, and no end", provider: "github", facts: func(time.Time) Facts { return Facts{} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				now := time.Now()
				b := New(Config{Config: &config.Config{}, Now: time.Now})
				a := account.Account{Name: "work", Provider: tt.provider, Tenant: tt.tenant, Issuer: tt.issuer}
				f := tt.facts(now)
				f.LoggedIn = true
				if got := b.KeepAliveDue(a, f); got != tt.due {
					t.Errorf("due: got %t, want %t", got, tt.due)
				}
				end := b.Forecast(a, f)
				at, reason := end.At, end.Reason
				if end.Prolonged != tt.prolonged {
					t.Errorf("prolonged: got %t, want %t", end.Prolonged, tt.prolonged)
				}
				if at.IsZero() != (tt.reason == "") || !at.IsZero() && at.Sub(now) != tt.ends || !strings.Contains(reason, tt.reason) {
					t.Errorf("forecast: got %v from now, %q; want %v, %q", at.Sub(now), reason, tt.ends, tt.reason)
				}
			})
		})
	}
}
