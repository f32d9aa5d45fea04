package login

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/mint"
	"oauthd/daemon/provider"
	"oauthd/daemon/words"
)

// dropTimeout bounds the store's part in forgetting a registration.
const dropTimeout = 10 * time.Second

// registrations are the clients that issuers registered, or refused, and that no completed login has brought to the store yet.
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
	known, err := t.knownRegistration(ctx)
	if err != nil {
		return err
	}
	expired := !known.SecretExpiry.IsZero() && !known.SecretExpiry.After(t.now())
	covered := !slices.ContainsFunc(t.redirectURIs(), func(uri string) bool { return !slices.Contains(known.RedirectURIs, uri) })
	if known.ClientID == "" || expired || !covered {
		return t.register(ctx)
	}
	return t.useClient(known, clientRegisteredBefore)
}

// knownRegistration returns what is known of the issuer's client. It has no ClientID if none is registered.
func (t *attempt) knownRegistration(ctx context.Context) (account.Registration, error) {
	issuer := t.Provider.Issuer
	known, ok := t.registered.get(issuer)
	if !ok {
		var err error
		if known, _, err = t.vault.Registration(ctx, issuer); err != nil {
			return known, t.store.Problem(err)
		}
	}
	known.Issuer, t.refused = issuer, known.RefusedMetadata
	return known, nil
}

// dropRegistration lets the next login register anew. An issuer that has forgotten a client says so in the browser and
// sends nobody back, so that a time-out is all that shows it. Credentials of the old client carry it with them.
func (t *attempt) dropRegistration(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTimeout)
	defer cancel()
	t.registered.drop(t.Provider.Issuer)
	if t.refused != "" {
		t.registered.put(account.Registration{Issuer: t.Provider.Issuer, RefusedMetadata: t.refused})
	}
	if err := t.vault.DeleteRegistration(ctx, t.Provider.Issuer); err != nil {
		t.log.Warn().Err(err).Str("account", t.Account.Name).Msg("registration")
	}
}

// register has the issuer register a native public client (RFC 7591).
func (t *attempt) register(ctx context.Context) error {
	p := t.Provider
	if p.RegistrationEndpoint == "" {
		return t.Words().NoClient(t.redirectURIs()[0])
	}
	uris := t.redirectURIs()
	made, err := t.grants.Register(ctx, grant.Registration{
		Endpoint: p.RegistrationEndpoint, RedirectURIs: uris, Name: "oauthd", Device: p.Endpoints.Device != "",
		DPoPBound: t.Account.DPoP,
	})
	if err != nil && p.Supposed {
		return words.NotOnOrigin(t.Account.Resource, p.RegistrationEndpoint, err)
	}
	if err != nil {
		return t.Words().NotRegistered(err)
	}
	err = t.useClient(account.Registration{
		Issuer:       p.Issuer,
		ClientID:     made.ClientID,
		RedirectURIs: uris,
		AuthMethod:   made.AuthMethod,
		ClientSecret: made.ClientSecret,
		SecretExpiry: made.SecretExpiry,
		AccessToken:  made.RegistrationAccessToken,
		ClientURI:    made.RegistrationClientURI,
		DPoPBound:    made.DPoPBound,

		RefusedMetadata: t.refused,
	}, clientRegistered)
	if err != nil {
		return err
	}
	t.log.Info().Str("account", t.Account.Name).Str("issuer", p.Issuer).Str("client_id", made.ClientID).Msg("registration")
	return nil
}

// useClient has the login be that of a registered client. If that gets no token without a proof, the account's tokens are
// bound to a key from now on.
func (t *attempt) useClient(r account.Registration, from clientSource) error {
	t.Account.DPoP = t.Account.DPoP || r.DPoPBound
	key, err := mint.ProofKey(t.Account, t.Provider, t.Before)
	if err != nil {
		return words.DamagedProofKey(t.Account.Name, err)
	}
	t.registered.put(r)
	t.client, t.Registered = from, true
	t.Auth = grant.ClientAuth{
		ID: r.ClientID, Secret: r.ClientSecret, Method: provider.AuthMethod(r.AuthMethod), BasicUnencoded: t.Provider.BasicUnencoded,
		ProofKey: key,
	}
	return nil
}

// saveRegistration brings the client to the store, with the first login that it made possible. If the store does not
// take it the daemon still has it, and a later daemon registers again.
func (l *Logins) saveRegistration(ctx context.Context, name, issuer string) {
	r, ok := l.registered.get(issuer)
	if !ok || r.ClientID == "" {
		return
	}
	if err := l.vault.SaveRegistration(ctx, r); err != nil {
		l.log.Warn().Err(err).Str("account", name).Msg("registration")
		return
	}
	l.registered.drop(r.Issuer)
}

// redirectURIs are what a client of this login is registered with. A redirect URI without port stands for every port
// (RFC 8252 §7.3).
func (t *attempt) redirectURIs() []string {
	rule, fixed := redirectRule(t.Account, t.Provider)
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
