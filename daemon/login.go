package daemon

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
	"oauthd/daemon/vault"
	"oauthd/ipc/api"
	"oauthd/redirect"

	"golang.org/x/oauth2"
)

const (
	defaultLoginTimeout = 5 * time.Minute
	// exchangeTimeout bounds everything between the authorization response and the stored credential.
	exchangeTimeout = time.Minute
)

// attempt is one login from its definition to its credential.
type attempt struct {
	d        *Daemon
	login    *login
	account  account.Account
	provider provider.Provider
	before   account.Credential // what was kept until now; zero for none
	auth     grant.ClientAuth
	scopes   []string
	force    bool
	warnings []string
}

// Login runs one login of name, which def makes or changes, and reports through events. Until a valid authorization
// response has arrived, the end of ctx cancels it; from then on the code is spent and the login is carried through. A
// login that does not complete leaves nothing behind.
func (d *Daemon) Login(ctx context.Context, name string, def api.AccountDefinition, events func(api.LoginEvent)) error {
	a, secret, err := d.define(name, def)
	if err != nil {
		return err
	}
	l := &login{id: rand.Text(), ended: make(chan struct{})}
	ctx, l.cancel = context.WithCancelCause(named(ctx))
	defer l.cancel(nil)
	if err := d.logins.begin(name, l); err != nil {
		return err
	}
	defer d.logins.end(name, l)
	timeout := cmp.Or(time.Duration(def.Timeout)*time.Second, defaultLoginTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, &api.Error{
		Code:    api.LoginTimeout,
		Message: fmt.Sprintf("nobody finished the login within %s", timeout),
		Hint:    "oauthd login " + name + " starts it again; --timeout gives more time",
	})
	defer cancel()

	t := &attempt{d: d, login: l, account: a, force: def.Force}
	done, err := t.run(ctx, secret, events)
	event := d.log.Info()
	if err != nil {
		event = detail(d.log.Warn(), err)
	}
	who(ctx, event).Str("account", name).Str("provider", d.providerName(a)).
		Str("email", done.Email).Str("subject", done.Subject).Strs("scopes", done.ScopesGranted).Msg("login")
	return err
}

func (t *attempt) run(ctx context.Context, secret account.Secret, events func(api.LoginEvent)) (done api.LoginEvent, err error) {
	if err := t.prepare(ctx, secret); err != nil {
		return done, t.cause(ctx, err)
	}
	request := authorizationRequest{
		state:    rand.Text() + rand.Text(), // 260 bits
		nonce:    rand.Text() + rand.Text(),
		verifier: account.NewSecret(oauth2.GenerateVerifier()),
	}
	rule, fixed := redirectRule(t.account, t.provider)
	rule.State, rule.PeerUID = request.state, t.d.cfg.UID
	if t.provider.IssuerTemplate == "" {
		rule.Issuer, rule.RequireIssuer = t.provider.Issuer, t.provider.RequireIss
	}
	server, err := redirect.Listen(ctx, rule)
	if err != nil {
		return done, t.cause(ctx, redirectProblem(err, rule))
	}
	defer server.Close()
	request.redirectURI = cmp.Or(fixed, server.RedirectURI())

	events(api.LoginEvent{
		Event: api.EventAuthorize, LoginID: t.login.id, URL: t.authorizationURL(request), RedirectURI: request.redirectURI,
	})
	response, err := server.Wait(ctx)
	if err != nil {
		err = t.cause(ctx, t.responseProblem(err))
		server.Finish(ctx, t.failurePage(err))
		return done, err
	}

	// The code is spent now: who goes away can no longer stop this.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), exchangeTimeout)
	defer cancel()
	done, err = t.complete(ctx, request, account.NewSecret(response.Code()))
	if err != nil {
		server.Finish(ctx, t.failurePage(err))
		return done, err
	}
	events(done)
	server.Finish(ctx, t.successPage(done))
	return done, nil
}

// prepare finds out all that is needed before a person is asked: the store takes a record, the provider is known, the
// client can authenticate.
func (t *attempt) prepare(ctx context.Context, secret account.Secret) error {
	d, a := t.d, t.account
	select { // a fixed port can be had only once
	case <-t.login.last:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := d.vault.Probe(ctx); err != nil {
		return d.storeProblem(err)
	}
	var err error
	t.before, err = d.vault.Load(ctx, a.Name)
	if err != nil && !errors.Is(err, vault.ErrNoCredential) && !errors.Is(err, vault.ErrUnreadable) {
		return d.storeProblem(err)
	}
	if t.provider, err = d.resolve(ctx, a, true); err != nil {
		return d.discoveryProblem(a, err)
	}
	p := t.provider
	if p.Endpoints.Authorization == "" {
		return &api.Error{Code: api.Unsupported, Message: p.Name + " has no authorization endpoint"}
	}
	if secret.IsZero() {
		secret = a.ClientSecret
	}
	sameClient := t.before.ClientID == a.ClientID && t.before.TokenEndpoint == p.Endpoints.Token && t.before.Issuer == p.Issuer
	if secret.IsZero() && sameClient {
		secret = t.before.ClientSecret
	}
	method, err := p.PinAuthMethod(!secret.IsZero(), p.Endpoints.AuthMethod)
	if err != nil {
		return &api.Error{Code: api.ConfigInvalid, Message: err.Error(),
			Hint: "--client-secrets FILE or --client-secret-stdin gives the client secret"}
	}
	if method == provider.AuthNone {
		secret = account.Secret{}
	}
	t.auth = grant.ClientAuth{ID: a.ClientID, Secret: secret, Method: method}

	t.scopes = slices.Clone(a.Scopes)
	if len(t.scopes) == 0 {
		t.scopes = slices.Clone(p.DefaultScopes)
	}
	if p.OfflineScope != "" && !slices.Contains(t.scopes, p.OfflineScope) {
		t.scopes = append(t.scopes, p.OfflineScope)
	}
	return nil
}

// authorizationRequest is what binds a response and a code to this login.
type authorizationRequest struct {
	state, nonce, redirectURI string
	verifier                  account.Secret
}

func (t *attempt) authorizationURL(r authorizationRequest) string {
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(r.verifier.Reveal())}
	params := map[string]string{}
	if slices.Contains(t.scopes, "openid") {
		params["nonce"] = r.nonce
	}
	for _, more := range []map[string]string{t.provider.AuthParams, t.account.AuthParams} {
		for key, value := range more {
			params[key] = value
		}
	}
	for key, value := range params {
		options = append(options, oauth2.SetAuthURLParam(key, value))
	}
	c := oauth2.Config{
		ClientID:    t.account.ClientID,
		Endpoint:    oauth2.Endpoint{AuthURL: t.provider.Endpoints.Authorization},
		RedirectURL: r.redirectURI,
		Scopes:      t.scopes,
	}
	return c.AuthCodeURL(r.state, options...)
}
