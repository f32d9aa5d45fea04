package daemon

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
	"oauthd/ipc/api"
)

const (
	// A discovery document is believed for a day; a provider that moves its endpoints is met after that, or at a login.
	discoveryTTL = 24 * time.Hour
	// A failed discovery is not repeated at every refresh; the record says where the token goes.
	discoveryRetry   = time.Minute
	discoveryTimeout = 10 * time.Second
)

// discoveries remembers what issuers said of themselves.
type discoveries struct {
	client *http.Client
	now    func() time.Time

	mu       sync.Mutex // guards byIssuer
	byIssuer map[string]discovery
}

type discovery struct {
	provider provider.Provider
	err      error
	until    time.Time
}

// get asks issuer, or with fresh false what it said lately.
func (s *discoveries) get(ctx context.Context, issuer string, fresh bool) (provider.Provider, error) {
	s.mu.Lock()
	known, ok := s.byIssuer[issuer]
	s.mu.Unlock()
	if ok && !fresh && s.now().Before(known.until) {
		return known.provider, known.err
	}
	ctx, cancel := context.WithTimeout(ctx, discoveryTimeout)
	defer cancel()
	p, err := provider.Discover(ctx, s.client, issuer)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return p, err // says nothing about the issuer
	}
	found := discovery{p, err, s.now().Add(discoveryTTL)}
	if err != nil {
		found.until = s.now().Add(discoveryRetry)
	}
	s.mu.Lock()
	s.byIssuer[issuer] = found
	s.mu.Unlock()
	return p, err
}

// resolve returns the provider of a, by table, configuration or discovery; fresh forbids a remembered document.
func (d *Daemon) resolve(ctx context.Context, a account.Account, fresh bool) (provider.Provider, error) {
	p, err := d.named(a)
	if err != nil {
		return provider.Provider{}, err
	}
	if p.Endpoints.Token != "" {
		return p, nil
	}
	found, err := d.discovered.get(ctx, p.Issuer, fresh)
	if err != nil {
		return provider.Provider{}, err
	}
	return p.WithDiscovered(found), nil
}

// named returns the provider of a as far as it is known without asking anybody.
func (d *Daemon) named(a account.Account) (provider.Provider, error) {
	if !a.Grant.HasClient() {
		return machineProvider(a), nil
	}
	if a.Provider == "" && a.Issuer == "" {
		return provider.FromEndpoints(a.Endpoints), nil
	}
	if a.Provider == "" {
		return provider.Provider{Name: d.providerName(a), Issuer: a.Issuer, Endpoints: a.Endpoints}, nil
	}
	p, _, ok := d.byName(a.Provider)
	if !ok {
		return provider.Provider{}, d.unknownProvider(a.Provider)
	}
	filled, err := p.ForTenant(a.Tenant)
	if err != nil {
		hint := "oauthd login NAME --tenant T, or tenant in the account's file; oauthd providers " + a.Provider + " tells more"
		if p.TenantHint == "" {
			hint = "leave out --tenant, and tenant in the account's file"
		}
		return provider.Provider{}, (&api.Error{Code: api.BadRequest, Message: err.Error(), Hint: hint}).Because(err)
	}
	p = filled
	p.Endpoints.AuthMethod = cmp.Or(a.Endpoints.AuthMethod, p.Endpoints.AuthMethod)
	return p, nil
}

// providerName names a's provider for people: the name it has, else its host.
func (d *Daemon) providerName(a account.Account) string {
	switch {
	case !a.Grant.HasClient():
		return "google"
	case a.Provider != "":
		return a.Provider
	}
	u, err := url.Parse(cmp.Or(a.Issuer, a.Endpoints.Token))
	if err != nil {
		return ""
	}
	return u.Host
}
