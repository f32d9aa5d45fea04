// Package policy decides whether a caller may use an account, and what it gets of it. It is pure: it looks at nothing but
// what it is given.
package policy

import (
	"path"
	"slices"
	"strings"
	"time"

	"oauthd/daemon/account"
)

// Request is what a caller asks for.
type Request struct {
	// Scopes are those that it names; none asks for whatever there is.
	Scopes []string
	// Audience and Resource are whom the token is for; "" for whomever it is for without being asked.
	Audience, Resource string
}

// Decision is what becomes of a request.
type Decision struct {
	Allowed bool
	// Rule is the one that decided; nil if none did.
	Rule *account.Rule
	// Why is the reason for a refusal.
	Why Reason
	// Beyond are the scopes that the request names and the rule does not have, if that is the reason.
	Beyond []string
	// Limits are those of the rule.
	Limits account.Limits
	// Request is what may be asked of the provider: the caller's, with the ceiling in place of what it left open.
	Request Request
	// Ask is true if a person has to agree as well.
	Ask bool
}

// Reason is why a request is refused.
type Reason string

// The reasons.
const (
	// Denied is a [[deny]] that matches.
	Denied Reason = "denied"
	// NoRule is that there are [[allow]] rules and none matches.
	NoRule Reason = "no_rule"
	// Scopes and Audience are that the rule allows the caller, and not what it asks for.
	Scopes   Reason = "scopes"
	Audience Reason = "audience"
)

// Decide applies p to a request of caller: the first rule that matches decides. If none does, a person is asked if p says
// so; otherwise the caller may use the account unless there is an [[allow]], which is then for others.
func Decide(p account.Policy, caller account.Evidence, r Request) Decision {
	for i := range p.Rules {
		rule := &p.Rules[i]
		if !Matches(*rule, caller) && !(rule.Deny && caller.Unknown && mayMatch(*rule, caller)) {
			continue
		}
		if rule.Deny {
			return Decision{Rule: rule, Why: Denied}
		}
		d := Within(rule.Limits, r)
		d.Rule, d.Ask = rule, d.Allowed && p.Confirm == account.ConfirmAlways
		return d
	}
	ask := p.Confirm == account.ConfirmFirst || p.Confirm == account.ConfirmAlways
	if !ask && slices.ContainsFunc(p.Rules, func(r account.Rule) bool { return !r.Deny }) {
		return Decision{Why: NoRule}
	}
	return Decision{Allowed: true, Request: r, Ask: ask}
}

// Within applies limits to a request.
func Within(l account.Limits, r Request) Decision {
	d := Decision{Limits: l, Request: r}
	if l.Scopes != nil {
		d.Beyond = slices.DeleteFunc(slices.Clone(r.Scopes), func(s string) bool { return slices.Contains(l.Scopes, s) })
		if len(d.Beyond) > 0 {
			d.Why = Scopes
			return d
		}
		if len(r.Scopes) == 0 {
			d.Request.Scopes = l.Scopes
		}
	}
	if l.Audiences != nil {
		named := slices.DeleteFunc([]string{r.Audience, r.Resource}, func(s string) bool { return s == "" })
		if len(named) == 0 && len(l.Audiences) == 1 {
			d.Request.Audience = l.Audiences[0]
		} else if len(named) == 0 || slices.ContainsFunc(named, func(s string) bool { return !forAudience(l.Audiences, s) }) {
			d.Why = Audience
			return d
		}
	}
	d.Allowed = true
	return d
}

// forAudience reports whether a token for named is for one of allowed: for the same, or for a part of the same Cloud Storage
// bucket.
func forAudience(allowed []string, named string) bool {
	inner, err := account.ParseStorage(named)
	return slices.ContainsFunc(allowed, func(one string) bool {
		if err != nil || !account.IsStorage(one) {
			return one == named
		}
		outer, wrong := account.ParseStorage(one)
		return wrong == nil && outer.Covers(inner)
	})
}

// Matches reports whether every condition of a rule holds for a caller. A condition about something that the system does
// not say of the caller does not hold.
func Matches(r account.Rule, caller account.Evidence) bool {
	if r.UID != nil && *r.UID != caller.UID {
		return false
	}
	origin := ""
	if caller.Origin != nil {
		origin = caller.Origin.Executable
	}
	for _, c := range []struct{ pattern, value string }{
		{r.App, caller.App}, {r.Unit, caller.Unit}, {r.Exe, caller.Executable}, {r.Origin, origin}, {r.Socket, caller.Socket},
	} {
		if c.pattern != "" && !Glob(c.pattern, c.value) {
			return false
		}
	}
	return true
}

// mayMatch reports whether a rule may be about a caller that hides what program it is, and in which sandbox: what the system
// does not say must not be a way around a [[deny]].
func mayMatch(r account.Rule, caller account.Evidence) bool {
	r.App, r.Unit, r.Exe, r.Origin = "", "", "", ""
	return Matches(r, caller)
}

// Glob reports whether a pattern, as of path.Match, matches value. One that ends in "/**" matches all that is below. "" is
// matched by nothing.
func Glob(pattern, value string) bool {
	if value == "" {
		return false
	}
	if below, ok := strings.CutSuffix(pattern, "/**"); ok {
		// As many segments of value as the pattern has, and something after them.
		at := 0
		for range strings.Count(below, "/") + 1 {
			i := strings.IndexByte(value[at:], '/')
			if i < 0 {
				return false
			}
			at += i + 1
		}
		matched, err := path.Match(below, value[:at-1])
		return err == nil && matched && at < len(value)
	}
	matched, err := path.Match(pattern, value)
	return err == nil && matched
}

// Meter counts how often tokens were handed out. The zero Meter is ready.
type Meter struct {
	tokens float64
	at     time.Time
}

// Take takes one of what rate allows at that time. If nothing is left, it returns how long to wait.
func (m *Meter) Take(rate account.Rate, now time.Time) (wait time.Duration, ok bool) {
	most := float64(rate.Times)
	if m.at.IsZero() {
		m.tokens = most
	} else if gone := now.Sub(m.at); gone > 0 {
		m.tokens = min(most, m.tokens+most*float64(gone)/float64(rate.Per))
	}
	m.at = now
	if m.tokens < 1 {
		return time.Duration((1 - m.tokens) / most * float64(rate.Per)), false
	}
	m.tokens--
	return 0, true
}
