package book

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"oauthd/daemon/provider"
	"oauthd/daemon/words"
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
	return s.remember(ctx, issuer, issuer, fresh, provider.Discover)
}

// onOrigin asks the origin of a resource that does not say where its tokens come from.
func (s *discoveries) onOrigin(ctx context.Context, origin string, fresh bool) (provider.Provider, error) {
	return s.remember(ctx, "on "+origin, origin, fresh, provider.DiscoverOrigin)
}

// remember keeps what ask has found out under key.
func (s *discoveries) remember(
	ctx context.Context, key, issuer string, fresh bool, ask func(context.Context, *http.Client, string) (provider.Provider, error),
) (provider.Provider, error) {
	s.mu.Lock()
	known, ok := s.byIssuer[key]
	s.mu.Unlock()
	if ok && !fresh && s.now().Before(known.until) {
		return known.provider, known.err
	}
	ctx, cancel := context.WithTimeout(ctx, discoveryTimeout)
	defer cancel()
	p, err := ask(ctx, s.client, issuer)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return p, err // says nothing about the issuer
	}
	found := discovery{p, err, s.now().Add(discoveryTTL)}
	if err != nil {
		found.until = s.now().Add(discoveryRetry)
	}
	s.mu.Lock()
	s.byIssuer[key] = found
	s.mu.Unlock()
	return p, err
}

// Discover asks issuer what it offers (RFC 8414, OpenID Connect Discovery), whatever it said lately.
func (b *Book) Discover(ctx context.Context, issuer string) (provider.Provider, error) {
	return b.discovered.get(ctx, issuer, true)
}

// DiscoverResource asks a resource server where its tokens come from (RFC 9728), and that authorization server what it offers.
// One that does not say that it takes PKCE with S256 is refused, as clients of such servers must (MCP, "Authorization"). A
// server that asks for a token and says nothing else is taken for one of MCP's revision 2025-03-26, see [provider.DiscoverOrigin].
func (b *Book) DiscoverResource(ctx context.Context, resource string) (provider.ProtectedResource, error) {
	found, err := provider.DiscoverResource(ctx, b.cfg.HTTP, resource)
	ask := b.discovered.get
	if silent, ok := errors.AsType[*provider.ResourceError](err); ok && silent.Silent() {
		ask, err = b.discovered.onOrigin, nil
	}
	if err != nil {
		return found, words.Resource(resource, err)
	}
	p, err := ask(provider.ConfineNamed(ctx, found.Issuer, resource), found.Issuer, true)
	if err != nil {
		return found, words.Discovery(found.Issuer, err)
	}
	if !slices.Contains(p.ChallengeMethods, "S256") {
		return found, words.NoPKCE(found.Issuer)
	}
	return found, nil
}
