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

// life is how long a token lives: until a day, or, if that is zero, for ever as far as anybody knows. It may be over.
type life struct {
	lifetime time.Duration
	known    bool
	// odd says what is wrong with the member that states it; "" if nothing is.
	odd string
}

// tokenLife reads how long the token of a token response lives: what the answer states, else what the provider's tokens
// are known for, else what the access token says of itself. RFC 6749 §5.1 has expires_in; the other names are those of
// servers that go by their own rules.
func (a Answer) tokenLife(members Members, access account.Secret, known time.Duration) (l life, warnings []string) {
	for _, name := range []string{"expires_in", "expires_at", "expires"} {
		l = a.life(members, name)
		if l.odd != "" {
			warnings = append(warnings, "the answer's "+name+" "+l.odd)
		}
		if l.known {
			return l, warnings
		}
	}
	if known > 0 {
		return life{lifetime: known, known: true}, warnings
	}
	if exp := ClaimedExpiry(access); !exp.IsZero() {
		l.lifetime = a.Left(exp)
		l.known = l.lifetime > 0
	}
	return l, warnings
}

// life reads one member that is a duration or an instant, whatever its name says: servers mix the two up. A number is a
// duration in seconds up to ten years; above that it is an instant, in seconds or milliseconds since 1970, if it falls
// within ten years from now, and otherwise a duration too, of ten years. Missing, null, empty, zero and negative all mean
// not known: servers say 0 and -1 of tokens that do not expire.
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

// lifeUntil reads an instant written out (RFC 3339, RFC 9110 §5.6.7).
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

// instant is so many seconds, at most 1e11, after the beginning of 1970.
func instant(seconds float64) time.Time {
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9))
}

func duration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }
