package daemon

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
	"oauthd/ipc/api"
)

// registrations are the clients that issuers registered and that no completed login has brought to the store yet.
type registrations struct {
	mu       sync.Mutex // guards byIssuer
	byIssuer map[string]account.Registration
}

func (r *registrations) get(issuer string) (account.Registration, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, ok := r.byIssuer[issuer]
	return found, ok
}

func (r *registrations) put(found account.Registration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byIssuer[found.Issuer] = found
}

func (r *registrations) drop(issuer string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.byIssuer, issuer)
}

// useRegistration takes the client that the issuer registered for an earlier login, or has it register one.
func (t *attempt) useRegistration(ctx context.Context) error {
	d, issuer := t.d, t.provider.Issuer
	known, ok := d.registered.get(issuer)
	if !ok {
		var err error
		if known, ok, err = d.vault.Registration(ctx, issuer); err != nil {
			return d.storeProblem(err)
		}
	}
	expired := !known.SecretExpiry.IsZero() && !known.SecretExpiry.After(d.now())
	covered := !slices.ContainsFunc(t.redirectURIs(), func(uri string) bool { return !slices.Contains(known.RedirectURIs, uri) })
	if !ok || expired || !covered {
		return t.register(ctx)
	}
	t.useClient(known)
	t.reused = true
	return nil
}

// dropRegistration lets the next login register anew. An issuer that has forgotten a client says so in the browser and
// sends nobody back, so that a time-out is all that shows it. Credentials of the old client carry it with them.
func (t *attempt) dropRegistration(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	t.d.registered.drop(t.provider.Issuer)
	if err := t.d.vault.DeleteRegistration(ctx, t.provider.Issuer); err != nil {
		t.d.log.Warn().Err(err).Str("account", t.account.Name).Msg("registration")
	}
}

// register has the issuer register a native public client (RFC 7591).
func (t *attempt) register(ctx context.Context) error {
	p := t.provider
	if p.RegistrationEndpoint == "" {
		return errNoClient
	}
	uris := t.redirectURIs()
	made, err := t.d.grants.Register(ctx, grant.Registration{
		Endpoint: p.RegistrationEndpoint, RedirectURIs: uris, Name: "oauthd", Device: p.Endpoints.Device != "",
	})
	if err != nil {
		e := api.AsError(t.exchangeProblem(err))
		return (&api.Error{
			Code:    e.Code,
			Message: fmt.Sprintf("%s did not register a client: %v", p.Name, err),
			Hint:    "register a native (desktop) client at the provider by hand, then add --client-id ID",
		}).Because(err)
	}
	t.useClient(account.Registration{
		Issuer:       p.Issuer,
		ClientID:     made.ClientID,
		RedirectURIs: uris,
		AuthMethod:   made.AuthMethod,
		ClientSecret: made.ClientSecret,
		SecretExpiry: made.SecretExpiry,
		AccessToken:  made.RegistrationAccessToken,
		ClientURI:    made.RegistrationClientURI,
	})
	t.d.log.Info().Str("account", t.account.Name).Str("issuer", p.Issuer).Str("client_id", made.ClientID).Msg("registration")
	return nil
}

func (t *attempt) useClient(r account.Registration) {
	t.d.registered.put(r)
	t.auth = grant.ClientAuth{ID: r.ClientID, Secret: r.ClientSecret, Method: provider.AuthMethod(r.AuthMethod)}
}

// keepRegistration brings the client to the store, with the first login that it made possible. When the store does not
// take it the daemon still has it, and a later daemon registers again.
func (t *attempt) keepRegistration(ctx context.Context) {
	r, ok := t.d.registered.get(t.provider.Issuer)
	if !t.registered || !ok {
		return
	}
	if err := t.d.vault.SaveRegistration(ctx, r); err != nil {
		t.d.log.Warn().Err(err).Str("account", t.account.Name).Msg("registration")
		return
	}
	t.d.registered.drop(r.Issuer)
}

// redirectURIs are what a client of this login is registered with. A redirect URI without port stands for every port
// (RFC 8252 §7.3).
func (t *attempt) redirectURIs() []string {
	rule, fixed := redirectRule(t.account, t.provider)
	if fixed != "" {
		return []string{fixed}
	}
	scheme := "http"
	if rule.HTTPS {
		scheme = "https"
	}
	host, path := cmp.Or(rule.Host, "127.0.0.1"), cmp.Or(rule.Path, "/callback")
	if len(rule.Ports) == 0 {
		return []string{scheme + "://" + host + path}
	}
	uris := make([]string, len(rule.Ports))
	for i, port := range rule.Ports {
		uris[i] = fmt.Sprintf("%s://%s:%d%s", scheme, host, port, path)
	}
	return uris
}
