// Package admit decides whether a caller may have what it asks for: by the rules of the account, by the restricted socket
// that the request came by, by how often tokens are handed out, and by a person's consent. It promises that a caller gets
// no more than all of them allow, and that a rule that changes while a person is asked counts.
package admit

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/consent"
	"oauthd/daemon/narrow"
	"oauthd/daemon/policy"
	"oauthd/daemon/sockets"
	"oauthd/daemon/words"
	"oauthd/ipc/api"

	"github.com/rs/zerolog"
)

// Config is what a Guard is made of.
type Config struct {
	Book    *book.Book
	Consent *consent.Desk
	Sockets *sockets.Keeper
	Narrow  narrow.Narrower
	// Note writes down that the rules of an account changed.
	Note func(ctx context.Context, account, detail string)
	Log  zerolog.Logger
	// Now is the wall clock.
	Now func() time.Time
}

// Guard decides who may have a token. It is safe for concurrent use.
type Guard struct {
	cfg    Config
	meters meters
}

// New makes a Guard.
func New(cfg Config) *Guard { return &Guard{cfg: cfg} }

// Pass is what a caller was admitted with, and the limits that hold for what it gets.
type Pass struct {
	// Caller is about whom it was decided; zero if the account has no policy.
	Caller api.Evidence
	// decision is the policy's; zero as well.
	decision policy.Decision
	// limits are those of the restricted socket and of the rule.
	limits []account.Limits
	// taken is the restricted socket of which a token was taken; "" for none.
	taken string
}

// Rule says what admitted a caller: a person's consent, or a line of a file; "" for nothing.
func (p Pass) Rule() (by string, line int) {
	switch rule := p.decision.Rule; {
	case p.decision.Ask:
		return "consent", 0
	case rule != nil:
		return rule.File, rule.Line
	}
	return "", 0
}

// Lasts reports whether the same caller would be admitted again with the same, without being counted and without anybody being
// asked.
func (p Pass) Lasts() bool {
	rule := p.decision.Rule
	return p.taken == "" && !p.decision.Ask && (rule == nil || rule.Rate == account.Rate{})
}

// Admit decides whether the caller of ctx may have what r asks of a, which may take a person's answer, and puts into r what
// it left open and the caller is limited to. The daemon's own requests are not limited. The Pass says of a refusal too how
// it was decided, and is given back with [Guard.Return] if no token is handed out.
func (g *Guard) Admit(ctx context.Context, a account.Account, r *api.TokenRequest) (p Pass, err error) {
	c, ok := account.CallerFrom(ctx)
	if !ok || c.Socket == nil && a.Policy.IsZero() {
		return p, nil
	}
	p.Caller = c.Known()
	if err = g.decide(ctx, a, &p, c.Socket, r); err == nil && p.decision.Ask {
		if err = g.agreed(ctx, a, p); err == nil {
			err = g.still(ctx, a, p, *r)
		}
	}
	return p, err
}

// Return gives back what was taken for a token that was not handed out.
func (g *Guard) Return(p Pass) {
	if p.taken != "" {
		g.cfg.Sockets.Return(p.taken)
	}
}

// decide is what [Guard.Admit] does without a person, for p's caller at a restricted socket, or none.
func (g *Guard) decide(ctx context.Context, a account.Account, p *Pass, s *account.Socket, r *api.TokenRequest) error {
	wanted := policy.Request{Scopes: strings.Fields(r.Scope), Audience: r.Audience, Resource: r.Resource}
	if s != nil {
		var err error
		if wanted, err = g.fromSocket(a, p, s, wanted); err != nil {
			return err
		}
	}
	p.decision = policy.Decide(a.Policy, p.Caller, wanted)
	if !p.decision.Allowed {
		return words.Refused(a, p.Caller, p.decision)
	}
	if rule := p.decision.Rule; rule != nil {
		if err := g.meters.take(a, strconv.Itoa(rule.Line), rule.Rate, g.cfg.Now()); err != nil {
			return err
		}
		p.limits = append(p.limits, rule.Limits)
	}
	wanted = p.decision.Request
	if r.Scope == "" && len(wanted.Scopes) > 0 {
		var err error
		if wanted.Scopes, err = g.cfg.Narrow.Ceiling(ctx, a, wanted.Audience, wanted.Resource, wanted.Scopes); err != nil {
			return err
		}
	}
	r.Scope, r.Audience, r.Resource = strings.Join(wanted.Scopes, " "), wanted.Audience, wanted.Resource
	for _, l := range p.limits {
		if r.IDToken && l.Scopes != nil && !slices.Contains(l.Scopes, "openid") {
			return words.NoIdentity(a)
		}
	}
	return nil
}

// still returns an error if a caller that a person has agreed to may not use a any more: its rules and hosts may have
// changed while the person was asked.
func (g *Guard) still(ctx context.Context, a account.Account, p Pass, r api.TokenRequest) error {
	now, err := g.cfg.Book.Account(ctx, a.Name)
	if err != nil {
		return err
	}
	if decision := policy.Decide(now.Policy, p.Caller, policy.Request{Scopes: strings.Fields(r.Scope), Audience: r.Audience, Resource: r.Resource}); !decision.Allowed {
		return words.Refused(now, p.Caller, decision)
	}
	return g.cfg.Book.AllowedAt(ctx, now, r.URL)
}

// fromSocket applies what a restricted socket limits to a request that came by it.
func (g *Guard) fromSocket(a account.Account, p *Pass, s *account.Socket, wanted policy.Request) (policy.Request, error) {
	if a.Name != s.Account {
		return wanted, words.NoSocket(s.Name)
	}
	if s.Exe != "" && !policy.Glob(s.Exe, p.Caller.Executable) {
		return wanted, words.SocketExe(*s, p.Caller)
	}
	decision := policy.Within(s.Limits, wanted)
	if !decision.Allowed {
		return wanted, words.Refused(a, p.Caller, decision)
	}
	if err := g.cfg.Sockets.Take(s.Name); err != nil {
		return wanted, err
	}
	p.limits, p.taken = append(p.limits, s.Limits), s.Name
	return decision.Request, nil
}

// Within returns an error if t is good for more than the caller that got p may have.
func (g *Guard) Within(a account.Account, p Pass, t api.Token) error {
	for _, l := range p.limits {
		if l.MaxTTL > 0 && (t.ExpiresAt == nil || t.ExpiresAt.Sub(g.cfg.Now()) > l.MaxTTL) {
			return words.TooLong(a, l.MaxTTL)
		}
		if l.Scopes == nil {
			continue
		}
		has := strings.Fields(t.Scope)
		if len(has) == 0 {
			has = a.Scopes
		}
		of, err := g.cfg.Book.KnownProvider(a)
		if err != nil {
			return err
		}
		if len(has) == 0 && len(l.Scopes) == 0 {
			return words.ScopesUnknown(a, book.ProviderName(a))
		}
		if beyond := of.Covers(l.Scopes, has); len(beyond) > 0 {
			return words.Broader(a, book.ProviderName(a), beyond)
		}
	}
	return nil
}
