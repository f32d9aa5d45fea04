package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
	"oauthd/daemon/token"
	"oauthd/daemon/vault"
	"oauthd/ipc/api"

	"github.com/rs/zerolog"
)

// Token answers a token request: from the cache when it holds a fresh one, else from the provider.
func (d *Daemon) Token(ctx context.Context, r api.TokenRequest) (api.Token, error) {
	a, err := d.account(r.Account)
	if err != nil {
		return api.Token{}, err
	}
	if err := d.locked(); err != nil {
		return api.Token{}, err
	}
	request := token.Request{Key: token.Key{Account: a.Name}, Force: r.Force, IDToken: r.IDToken}
	if r.MinTTL != nil {
		ttl := time.Duration(min(max(*r.MinTTL, 0), int64(365*24*time.Hour/time.Second))) * time.Second
		request.MinTTL = &ttl
	}
	if r.Scope != "" {
		if request.Key.Scope, err = d.narrow(ctx, a, strings.Fields(r.Scope)); err != nil {
			return api.Token{}, err
		}
	}
	request.Key.Audience, request.Key.Resource = r.Audience, r.Resource
	if r.IDToken && !a.Grant.HasClient() {
		request.Key.IDToken = true
		if a.Grant == account.GrantServiceAccount && r.Audience == "" && a.Audience == "" {
			return api.Token{}, errNoAudience
		}
	}
	if !a.Grant.HasClient() && !r.IDToken && r.Scope != "" && r.Audience != "" {
		return api.Token{}, errTwoTargets
	}
	t, err := d.tokens.Token(ctx, request)
	if err != nil {
		return api.Token{}, d.providerProblem(a, err)
	}
	return d.answer(a.Name, t, r.IDToken), nil
}

// answer shapes t for a caller; the one place where an access token leaves the daemon.
func (d *Daemon) answer(name string, t account.Token, idToken bool) api.Token {
	out := api.Token{
		AccessToken: t.Access.Reveal(),
		TokenType:   t.Type,
		Scope:       strings.Join(t.Scopes, " "),
		Account:     name,
		ExpiresAt:   moment(t.Expiry),
	}
	if !t.Expiry.IsZero() {
		left := max(0, int64(t.Expiry.Sub(d.now().Round(0))/time.Second))
		out.ExpiresIn = &left
	}
	if idToken {
		out.IDToken, out.IDTokenExpiresAt = t.IDToken.Reveal(), moment(t.IDTokenExpiry)
	}
	return out
}

// narrow checks that wanted was granted, and returns the scope to ask the provider for: wanted where the provider can
// narrow, else "", which is all that was granted, or of several resources the first.
func (d *Daemon) narrow(ctx context.Context, a account.Account, wanted []string) (string, error) {
	f, err := d.facts(ctx, a.Name)
	if err != nil {
		return "", d.storeProblem(err)
	}
	if !f.loggedIn || f.dead {
		return "", d.loginRequired(a, "")
	}
	p, err := d.named(a)
	if err != nil {
		return "", err
	}
	granted := f.scopes
	if granted == nil {
		granted = a.Scopes // the provider never said otherwise (RFC 6749 §5.1)
	}
	if missing := p.Covers(granted, wanted); len(missing) > 0 {
		return "", &api.Error{
			Code:    api.ScopeNotGranted,
			Message: fmt.Sprintf("%s was not granted %s", a.Name, strings.Join(missing, " ")),
			Hint:    "oauthd login " + a.Name + " --scope " + strings.Join(missing, " --scope "),
		}
	}
	if _, whole := p.OneResource(wanted); !whole {
		return "", &api.Error{
			Code:    api.Unsupported,
			Message: fmt.Sprintf("a token of %s is for one resource, and these scopes are of several", d.providerName(a)),
			Hint:    "ask for the scopes of one resource at a time",
		}
	}
	one, _ := p.OneResource(granted)
	narrows := p.Narrowing == provider.NarrowRefresh || !a.Grant.Interactive()
	if !narrows || granted != nil && len(p.Covers(wanted, one)) == 0 {
		return "", nil
	}
	slices.Sort(wanted)
	return strings.Join(slices.Compact(wanted), " "), nil
}

// Mint implements [token.Minter]: it spends the refresh token, saves what came back, and only then returns.
func (d *Daemon) Mint(ctx context.Context, key token.Key) (account.Token, error) {
	a, err := d.account(key.Account)
	if err != nil {
		return account.Token{}, err
	}
	leave, err := d.enter()
	if err != nil {
		return account.Token{}, err
	}
	defer leave()
	unlock, err := d.vault.Lock(ctx, a.Name)
	if err != nil {
		return account.Token{}, err
	}
	defer unlock()
	started := d.now()
	t, err := d.mint(ctx, a, key)
	event := d.log.Info()
	if err != nil {
		event = detail(d.log.Warn(), err)
	} else if !t.Expiry.IsZero() {
		event = event.Time("expires_at", t.Expiry)
	}
	who(ctx, event).Str("account", a.Name).Str("scope", key.Scope).Dur("took", d.now().Sub(started)).Msg("refresh")
	return t, err
}

func (d *Daemon) mint(ctx context.Context, a account.Account, key token.Key) (account.Token, error) {
	if selfContained(a) {
		return d.mintFromFiles(ctx, a, key)
	}
	c, err := d.vault.Load(ctx, a.Name)
	if errors.Is(err, vault.ErrNoCredential) {
		d.setFacts(a.Name, facts{})
		return account.Token{}, d.loginRequired(a, "nobody is logged in")
	}
	if err != nil {
		return account.Token{}, d.storeProblem(err)
	}
	d.setFacts(a.Name, factsOf(c))
	if c.Dead {
		return account.Token{}, d.loginRequired(a, "the provider has ended this login")
	}
	p, err := d.bound(ctx, a, c)
	if err != nil {
		return account.Token{}, err
	}
	if !a.Grant.Interactive() {
		return d.mintMachine(ctx, a, key, c, p)
	}
	if c.RefreshToken.IsZero() {
		return d.kept(a, c)
	}

	r, err := d.spend(ctx, a, key, c, p)
	if err != nil {
		return account.Token{}, patient(err)
	}
	t := r.Token
	t.RefreshLate = p.RefreshKillsAccessToken
	if t.Scopes == nil { // the provider gave what was asked for (RFC 6749 §5.1)
		if t.Scopes = strings.Fields(key.Scope); key.Scope == "" {
			t.Scopes = c.Scopes
		}
	}
	return t, nil
}

// waiting is a refusal that is asked about again only after a pause: neither a hotel's login page nor a wrong client
// gets better by asking at once, and callers may be many.
type waiting struct{ *grant.ProviderError }

// Transient makes the cache back off.
func (w waiting) Transient() (retryAfter time.Duration, ok bool) { return w.RetryAfter, true }

// Unwrap returns the refusal.
func (w waiting) Unwrap() error { return w.ProviderError }

// patient has the cache back off from every failure but the end of a login, which is answered without a request.
func patient(err error) error {
	var refused *grant.ProviderError
	if errors.As(err, &refused) && refused.Kind != grant.LoginRequired {
		return waiting{refused}
	}
	return err
}

// bound returns a's provider after checking that c came from there: a refresh token goes to no other place. Where the
// provider cannot be asked now, the record stands for it.
func (d *Daemon) bound(ctx context.Context, a account.Account, c account.Credential) (provider.Provider, error) {
	if !a.Grant.HasClient() {
		return machineProvider(a), nil // the key says where it goes
	}
	p, err := d.resolve(ctx, a, false)
	if err != nil {
		if p, err = d.named(a); err != nil {
			return provider.Provider{}, err
		}
		p.Endpoints.Token, p.Endpoints.Revocation = c.TokenEndpoint, c.RevocationEndpoint
	}
	if why := originOf(c).moved(a, p); why != "" {
		return provider.Provider{}, d.loginRequired(a, why)
	}
	return p, nil
}

// kept returns the access token of a login that came without a refresh token, while it lives.
func (d *Daemon) kept(a account.Account, c account.Credential) (account.Token, error) {
	if c.AccessToken.IsZero() {
		return account.Token{}, d.loginRequired(a, "its grant was another one")
	}
	if !c.Expiry.IsZero() && !c.Expiry.After(d.now()) {
		return account.Token{}, d.loginRequired(a, "the access token has expired, and the provider gave no refresh token")
	}
	return account.Token{Access: c.AccessToken, Type: c.TokenType, Expiry: c.Expiry, Scopes: c.Scopes, RefreshLate: true}, nil
}

// who adds the caller to a log event.
func who(ctx context.Context, e *zerolog.Event) *zerolog.Event {
	c, ok := account.CallerFrom(ctx)
	if !ok {
		return e.Str("caller", "oauthd")
	}
	return e.Int("pid", c.PID).Str("caller", c.Program())
}

// detail adds err to a log event, and the cause that callers are not told.
func detail(e *zerolog.Event, err error) *zerolog.Event {
	e = e.Err(err)
	if cause := errors.Unwrap(err); cause != nil {
		e = e.AnErr("cause", cause)
	}
	return e
}

// named looks up the caller's program at once: who waits for a login has often gone when its log line is written.
func named(ctx context.Context) context.Context {
	c, ok := account.CallerFrom(ctx)
	if !ok {
		return ctx
	}
	program := c.Program()
	c.Executable = func() string { return program }
	return account.WithCaller(ctx, c)
}

// moment shapes a time for the wire: UTC, whole seconds, nil for unknown.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}
