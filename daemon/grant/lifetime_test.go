package grant

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// accessJWT is an access token with these claims.
func accessJWT(claims string) string { return jwt(`{"alg":"RS256"}`, claims).Reveal() }

func TestLifetime(t *testing.T) {
	now := answerOf(200, "", "").now
	in := func(d time.Duration) int64 { return now.Add(d).Unix() }
	const day = 24 * time.Hour
	for _, tc := range []struct {
		name     string
		members  string // beyond the access token
		access   string // "" for an opaque one
		dialect  time.Duration
		lifetime time.Duration // 0 for not known
		warned   bool
	}{
		{"nothing", ``, "", 0, 0, false},
		{"number", `,"expires_in":3600`, "", 0, time.Hour, false},
		{"with a unit", `,"expires_in":"3600s"`, "", 0, time.Hour, true},
		{"with a unit and a fraction", `,"expires_in":"3600.5s"`, "", 0, time.Hour + 500*time.Millisecond, true},
		{"with another unit", `,"expires_in":"60m"`, "", 0, 0, true},
		{"epoch in place of a duration", fmt.Sprintf(`,"expires_in":%d`, in(day)), "", 0, day, true},
		{"epoch in milliseconds", fmt.Sprintf(`,"expires_in":%d000`, in(day)), "", 0, day, true},
		{"epoch of this moment in place of a duration", fmt.Sprintf(`,"expires_in":%d`, in(0)), "", 0, maxLifetime, false},
		{"very long", `,"expires_in":999999999`, "", 0, maxLifetime, false},
		{"largest 32-bit number", `,"expires_in":2147483647`, "", 0, maxLifetime, false},
		{"largest 64-bit number", `,"expires_in":9223372036854775807`, "", 0, maxLifetime, false},

		{"expires_at", fmt.Sprintf(`,"expires_at":%d`, in(time.Hour)), "", 0, time.Hour, false},
		{"expires_at as text", fmt.Sprintf(`,"expires_at":"%d"`, in(time.Hour)), "", 0, time.Hour, false},
		{"expires_at in milliseconds", fmt.Sprintf(`,"expires_at":%d500`, in(time.Hour)), "", 0, time.Hour + 500*time.Millisecond, false},
		{"expires_at with a fraction", fmt.Sprintf(`,"expires_at":%d.5`, in(time.Hour)), "", 0, time.Hour + 500*time.Millisecond, false},
		{"expires_at RFC 3339", `,"expires_at":"2026-11-22T13:00:00Z"`, "", 0, time.Hour, false},
		{"expires_at RFC 3339 elsewhere", `,"expires_at":"2026-11-22T15:00:00.25+02:00"`, "", 0, time.Hour + 250*time.Millisecond, false},
		{"expires_at HTTP date", `,"expires_at":"Sun, 22 Nov 2026 13:00:00 GMT"`, "", 0, time.Hour, false},
		{"expires_at a duration", `,"expires_at":3600`, "", 0, time.Hour, false},
		{"expires_at never", `,"expires_at":"9999-12-31T23:59:59Z"`, "", 0, maxLifetime, false},
		{"expires_at never, by number", `,"expires_at":253402300799`, "", 0, maxLifetime, false},
		{"expires_at in the year 5000", `,"expires_at":95617584000`, "", 0, maxLifetime, false},
		{"expires_at in the year 5000, in milliseconds", `,"expires_at":95617584000000`, "", 0, maxLifetime, false},
		{"expires_at zero", `,"expires_at":0`, "", 0, 0, false},
		{"expires_at null", `,"expires_at":null`, "", 0, 0, false},
		{"expires_at empty", `,"expires_at":""`, "", 0, 0, false},
		{"expires", `,"expires":5184000`, "", 0, 60 * day, false},
		{"expires an instant", fmt.Sprintf(`,"expires":%d`, in(time.Hour)), "", 0, time.Hour, false},

		{"expires_in first", fmt.Sprintf(`,"expires":7,"expires_at":%d,"expires_in":3600`, in(day)), "", 0, time.Hour, false},
		{"expires_at second", fmt.Sprintf(`,"expires":7,"expires_at":%d`, in(day)), "", 0, day, false},
		{"expires_in odd, expires_at good", fmt.Sprintf(`,"expires_in":"soon","expires_at":%d`, in(day)), "", 0, day, true},
		{"expires_in zero, expires_at good", fmt.Sprintf(`,"expires_in":0,"expires_at":%d`, in(day)), "", 0, day, false},

		{"exp of a JWT", ``, accessJWT(fmt.Sprintf(`{"exp":%d}`, in(time.Hour))), 0, time.Hour, false},
		{"exp of a JWT where nothing can be read", `,"expires_in":"soon"`, accessJWT(fmt.Sprintf(`{"exp":%d}`, in(time.Hour))), 0, time.Hour, true},
		{"exp of a JWT that the answer contradicts", `,"expires_in":60`, accessJWT(fmt.Sprintf(`{"exp":%d}`, in(time.Hour))), 0, time.Minute, false},
		{"exp of a JWT right now", ``, accessJWT(fmt.Sprintf(`{"exp":%d}`, in(0))), 0, 0, false},
		{"exp of a JWT gone by", ``, accessJWT(fmt.Sprintf(`{"exp":%d}`, in(-time.Hour))), 0, 0, false},
		{"exp of a JWT far off", ``, accessJWT(`{"exp":99999999999}`), 0, maxLifetime, false},
		{"JWT without exp", ``, accessJWT(`{}`), 0, 0, false},

		{"provider's own", ``, "", 2 * time.Hour, 2 * time.Hour, false},
		{"provider's own before exp", ``, accessJWT(fmt.Sprintf(`{"exp":%d}`, in(time.Hour))), 2 * time.Hour, 2 * time.Hour, false},
		{"provider's own before the answer's", `,"expires_in":60`, "", 2 * time.Hour, 2 * time.Hour, false},
		{"provider's own before an odd one", `,"expires_in":"soon"`, "", 2 * time.Hour, 2 * time.Hour, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			access := tc.access
			if access == "" {
				access = "at-1"
			}
			a := answerOf(200, "application/json", `{"access_token":"`+access+`"`+tc.members+`}`)
			resp, fail := a.Token(Dialect{TokenLifetime: tc.dialect})
			if fail != nil {
				t.Fatal(fail)
			}
			if resp.Token.Lifetime != tc.lifetime {
				t.Errorf("lifetime: got %v, want %v", resp.Token.Lifetime, tc.lifetime)
			}
			want := time.Time{}
			if tc.lifetime > 0 {
				want = now.Add(tc.lifetime)
			}
			if !resp.Token.Expiry.Equal(want) {
				t.Errorf("expiry: got %v, want %v", resp.Token.Expiry, want)
			}
			if warned := len(resp.Warnings) > 0; warned != tc.warned {
				t.Errorf("warnings: got %q, want one: %t", resp.Warnings, tc.warned)
			}
			for _, warning := range resp.Warnings {
				if !strings.HasPrefix(warning, "the answer's expires_in ") || strings.Contains(warning, "soon") {
					t.Errorf("got warning %q, want one about expires_in that does not quote it", warning)
				}
			}
		})
	}
}

// A token that has ended already is not one without end.
func TestLifetimeThatIsOver(t *testing.T) {
	now := answerOf(200, "", "").now
	for _, members := range []string{
		fmt.Sprintf(`"expires_at":%d`, now.Add(-time.Minute).Unix()), `"expires_at":"2026-11-22T11:59:00Z"`,
	} {
		resp, fail := answerOf(200, "application/json", `{"access_token":"at-1",`+members+`}`).Token(Dialect{})
		if fail != nil {
			t.Fatal(fail)
		}
		if want := now.Add(-time.Minute); !resp.Token.Expiry.Equal(want) || resp.Token.Lifetime != 0 {
			t.Errorf("%s: got %v after %v, want %v", members, resp.Token.Expiry, resp.Token.Lifetime, want)
		}
	}
}

// An instant is by the provider's clock; what is left of it by ours.
func TestLifetimeByTheProvidersClock(t *testing.T) {
	a := answerOf(200, "application/json", `{"access_token":"at-1","expires_at":"2026-11-22T18:00:00Z"}`)
	a.Header.Set("Date", "Sun, 22 Nov 2026 17:00:00 GMT")
	resp, fail := a.Token(Dialect{})
	if fail != nil {
		t.Fatal(fail)
	}
	if want := a.sentAt.Add(time.Hour); !resp.Token.Expiry.Equal(want) || resp.Token.Lifetime != time.Hour {
		t.Errorf("got %v after %v, want %v", resp.Token.Expiry, resp.Token.Lifetime, want)
	}
	a.Header = http.Header{"Content-Type": {"application/json"}, "Date": {"yesterday"}}
	if resp, fail = a.Token(Dialect{}); fail != nil || resp.Token.Lifetime != 6*time.Hour {
		t.Errorf("without a date: got %v, %v; want 6 h", resp.Token.Lifetime, fail)
	}
}

func TestRefreshExpiry(t *testing.T) {
	now := answerOf(200, "", "").now
	for members, want := range map[string]time.Duration{
		`"refresh_token_expires_in":60`:                             time.Minute,
		`"refresh_expires_in":60`:                                   time.Minute,
		`"refresh_expires_in":60,"refresh_token_expires_in":120`:    2 * time.Minute,
		`"refresh_token_expires_in":"soon","refresh_expires_in":60`: time.Minute,
		`"refresh_token_expires_in":0`:                              0,
		`"refresh_token_expires_in":-1`:                             0,
		`"refresh_token_expires_in":"2026-11-22T11:00:00Z"`:         0,
		`"expires_in":60`:                                           0,
	} {
		resp, fail := answerOf(200, "application/json", `{"access_token":"at-1",`+members+`}`).Token(Dialect{})
		if fail != nil {
			t.Fatal(fail)
		}
		if want == 0 && !resp.RefreshExpiry.IsZero() || want > 0 && !resp.RefreshExpiry.Equal(now.Add(want)) {
			t.Errorf("%s: got %v, want %v from now", members, resp.RefreshExpiry, want)
		}
		if len(resp.Warnings) > 0 {
			t.Errorf("%s: got warnings %q, want none", members, resp.Warnings)
		}
	}
}
