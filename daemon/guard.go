package daemon

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/policy"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// admission is a caller's request that was admitted, and the limits that hold for what it gets.
type admission struct {
	// limits are those of the restricted socket and of the rule.
	limits []account.Limits
	// decision is the policy's, about caller; both are zero if the account has no policy.
	decision policy.Decision
	caller   api.Evidence
	// taken is the restricted socket of which a token was taken; "" for none.
	taken string
}

// admit decides whether the caller of ctx may have what r asks of a, and puts into r what it left open and the caller is
// limited to. The daemon's own requests are not limited.
func (d *Daemon) admit(ctx context.Context, a account.Account, r *api.TokenRequest) (admission, error) {
	c, ok := account.CallerFrom(ctx)
	if !ok || c.Socket == nil && a.Policy.IsZero() {
		return admission{}, nil
	}
	ad := admission{caller: c.Known()}
	wanted := policy.Request{Scopes: strings.Fields(r.Scope), Audience: r.Audience, Resource: r.Resource}
	if c.Socket != nil {
		var err error
		if wanted, err = d.fromSocket(a, &ad, c.Socket, wanted); err != nil {
			return ad, err
		}
	}
	ad.decision = policy.Decide(a.Policy, ad.caller, wanted)
	if !ad.decision.Allowed {
		return ad, words.Refused(a, ad.caller, ad.decision)
	}
	if rule := ad.decision.Rule; rule != nil {
		if err := d.meters.take(a, strconv.Itoa(rule.Line), rule.Rate, d.now()); err != nil {
			return ad, err
		}
		ad.limits = append(ad.limits, rule.Limits)
	}
	wanted = ad.decision.Request
	if r.Scope == "" && len(wanted.Scopes) > 0 {
		var err error
		if wanted.Scopes, err = d.narrow.Ceiling(ctx, a, wanted.Audience, wanted.Resource, wanted.Scopes); err != nil {
			return ad, err
		}
	}
	r.Scope, r.Audience, r.Resource = strings.Join(wanted.Scopes, " "), wanted.Audience, wanted.Resource
	for _, l := range ad.limits {
		if r.IDToken && l.Scopes != nil && !slices.Contains(l.Scopes, "openid") {
			return ad, words.NoIdentity(a)
		}
	}
	return ad, nil
}

// still returns an error if a caller that a person has agreed to may not use a any more: its rules and hosts may have
// changed while the person was asked.
func (d *Daemon) still(ctx context.Context, a account.Account, ad admission, r api.TokenRequest) error {
	now, err := d.book.Account(ctx, a.Name)
	if err != nil {
		return err
	}
	if decision := policy.Decide(now.Policy, ad.caller, policy.Request{Scopes: strings.Fields(r.Scope), Audience: r.Audience, Resource: r.Resource}); !decision.Allowed {
		return words.Refused(now, ad.caller, decision)
	}
	return d.book.AllowedAt(ctx, now, r.URL)
}

// within returns an error if t is good for more than an admitted caller may have.
func (d *Daemon) within(a account.Account, ad admission, t api.Token) error {
	for _, l := range ad.limits {
		if l.MaxTTL > 0 && (t.ExpiresAt == nil || t.ExpiresAt.Sub(d.now()) > l.MaxTTL) {
			return words.TooLong(a, l.MaxTTL)
		}
		if l.Scopes == nil {
			continue
		}
		has := strings.Fields(t.Scope)
		if len(has) == 0 {
			has = a.Scopes
		}
		p, err := d.book.KnownProvider(a)
		if err != nil {
			return err
		}
		if len(has) == 0 && len(l.Scopes) == 0 {
			return words.ScopesUnknown(a, book.ProviderName(a))
		}
		if beyond := p.Covers(l.Scopes, has); len(beyond) > 0 {
			return words.Broader(a, book.ProviderName(a), beyond)
		}
	}
	return nil
}

// meters count what was handed out under each rule and socket with a rate. The zero meters are ready.
type meters struct {
	mu sync.Mutex // guards of
	of map[string]*policy.Meter
}

func (m *meters) take(a account.Account, rule string, rate account.Rate, now time.Time) error {
	if rate == (account.Rate{}) {
		return nil
	}
	key := a.Name + " " + rule
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.of == nil {
		m.of = map[string]*policy.Meter{}
	}
	if m.of[key] == nil {
		m.of[key] = &policy.Meter{}
	}
	if wait, ok := m.of[key].Take(rate, now); !ok {
		return words.TooOften(a, rate, wait)
	}
	return nil
}

// fromSocket applies what a restricted socket limits to a request that came by it.
func (d *Daemon) fromSocket(a account.Account, ad *admission, s *account.Socket, wanted policy.Request) (policy.Request, error) {
	if a.Name != s.Account {
		return wanted, words.NoSocket(s.Name)
	}
	if s.Exe != "" && !policy.Glob(s.Exe, ad.caller.Executable) {
		return wanted, words.SocketExe(*s, ad.caller)
	}
	decision := policy.Within(s.Limits, wanted)
	if !decision.Allowed {
		return wanted, words.Refused(a, ad.caller, decision)
	}
	if err := d.sockets.Take(s.Name); err != nil {
		return wanted, err
	}
	ad.limits, ad.taken = append(ad.limits, s.Limits), s.Name
	return decision.Request, nil
}
