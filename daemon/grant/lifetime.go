package grant

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"oauthd/daemon/account"
)

// maxLifetime caps a lifetime, so that a provider's slip cannot overflow a date.
const maxLifetime = 10 * 365 * 24 * time.Hour

// life is how long a token lives; lifetime is negative if it has already ended.
type life struct {
	lifetime time.Duration
	known    bool
	// odd completes "the answer's expires_in …" if the member is not as it should be; else it is "".
	odd string
}

// tokenLife returns how long the token of a token response lives: known if that is not zero, else what the answer
// states, else what the exp claim of the access token says. RFC 6749 §5.1 has only expires_in; some servers use the
// other names.
func (a Answer) tokenLife(members Members, access account.Secret, known time.Duration) (l life, warnings []string) {
	if known > 0 {
		return life{lifetime: known, known: true}, nil
	}
	for _, name := range []string{"expires_in", "expires_at", "expires"} {
		l = a.life(members, name)
		if l.odd != "" {
			warnings = append(warnings, "the answer's "+name+" "+l.odd)
		}
		if l.known {
			return l, warnings
		}
	}
	if exp := ClaimedExpiry(access); !exp.IsZero() {
		l.lifetime = a.Left(exp)
		l.known = l.lifetime > 0
	}
	return l, warnings
}

// life reads one member that is a duration or an instant, whatever its name says: servers mix the two up. A number up
// to ten years is a duration in seconds. A larger one is an instant, in seconds or milliseconds since 1970, if that is
// at most ten years from now; otherwise it stands for ten years. Missing, null, empty, zero and negative all mean not
// known: servers send 0 and -1 for tokens that do not expire.
func (a Answer) life(members Members, name string) life {
	const year5138 = 1e11 // in seconds; as milliseconds it is 1973
	value := strings.TrimSpace(members.Text(name))
	if !members.IsText(name) {
		value = string(members[name])
	}
	if value == "" {
		return life{}
	}
	number, odd := strings.CutSuffix(value, "s")
	seconds, err := strconv.ParseFloat(number, 64)
	if err != nil && !isRange(err) || err == nil && (math.IsInf(seconds, 0) || math.IsNaN(seconds)) {
		return a.lifeUntil(value)
	}
	l := life{known: seconds > 0}
	if odd {
		l.odd = "is not a number"
	}
	if seconds <= maxLifetime.Seconds() {
		l.lifetime = duration(max(seconds, 0))
		return l
	}
	l.lifetime = maxLifetime
	if seconds >= year5138 {
		seconds /= 1000
	}
	if seconds < year5138 {
		left := a.Left(instant(seconds))
		inTime := left < maxLifetime && left > -maxLifetime
		switch {
		case inTime && name != "expires_in":
			l.lifetime = left
		case inTime && left > 0:
			l.lifetime, l.odd = left, "is an instant, not a duration"
		}
	}
	return l
}

// lifeUntil reads a date (RFC 3339, RFC 9110 §5.6.7).
func (a Answer) lifeUntil(text string) life {
	until, err := time.Parse(time.RFC3339, text)
	if err != nil {
		until, err = http.ParseTime(text)
	}
	if err != nil {
		return life{odd: "cannot be read"}
	}
	return life{lifetime: a.Left(until), known: true}
}

// instant returns the time that many seconds after the start of 1970; at most 1e11.
func instant(seconds float64) time.Time {
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9))
}

func duration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }
