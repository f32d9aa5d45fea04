package login

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/mint"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
	"oauthd/redirect"

	"golang.org/x/oauth2"
)

// authorizationRequest is what binds a response and a code to this login.
type authorizationRequest struct {
	state, nonce, redirectURI string
	verifier                  account.Secret
}

// viaRedirect is the authorization code grant through the loopback redirect (RFC 8252).
func (t *attempt) viaRedirect(ctx context.Context, events func(api.LoginEvent)) (done api.LoginEvent, err error) {
	if err := checkRedirect(t.Account, t.Provider); err != nil {
		return done, err
	}
	request := authorizationRequest{
		state:    rand.Text() + rand.Text(), // 260 bits
		verifier: account.NewSecret(oauth2.GenerateVerifier()),
	}
	if !t.Provider.NoNonce {
		request.nonce = rand.Text() + rand.Text()
	}
	rule, fixed := redirectRule(t.Account, t.Provider)
	rule.State, rule.PeerUID = request.state, t.uid
	rule.ResponseMode = t.Account.AuthParams["response_mode"]
	if t.Provider.IssuerTemplate == "" {
		rule.Issuer, rule.RequireIssuer = t.Provider.Issuer, t.Provider.RequireIss
	}
	rule.Notice = func(n redirect.Notice) {
		message, hint := t.Words().Notice(n)
		events(api.LoginEvent{Event: api.EventNotice, LoginID: t.slot.id, Message: message, Hint: hint})
	}
	server, err := t.redirects.Listen(ctx, rule)
	if err != nil {
		return done, t.Words().Cause(ctx, words.NoRedirectServer(err, len(rule.Ports) == 0))
	}
	request.redirectURI = cmp.Or(fixed, server.RedirectURI())
	where, expiry, err := t.authorizationURL(ctx, request)
	if err != nil {
		_ = server.Close()
		return done, t.Words().Cause(ctx, err)
	}
	sent := t.registration(request.redirectURI)
	t.slot.await(server.Deliver)
	defer t.slot.await(nil)
	e := api.LoginEvent{
		Event:             api.EventAuthorize,
		LoginID:           t.slot.id,
		URL:               where,
		Registration:      sent,
		RedirectURI:       request.redirectURI,
		CertificateSHA256: server.CertificateFingerprint(),
		ExpiresAt:         api.Moment(expiry),
	}
	if !t.headless { // a browser elsewhere has no use for it
		e.ShortURL = server.Entrance(where)
	}
	events(e)
	response, err := server.Wait(ctx)
	if err != nil {
		err = t.Words().Compare(t.Words().Cause(ctx, t.Words().Response(err)), sent)
		server.Finish(t.Words().FailurePage(err))
		return done, err
	}

	// The code is spent now: a caller that goes away can no longer stop this.
	t.slot.spend()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ExchangeTimeout)
	defer cancel()
	done, err = t.exchange(ctx, request, account.NewSecret(response.Code()))
	if err != nil {
		server.Finish(t.Words().FailurePage(err))
		return done, err
	}
	events(done)
	server.Finish(t.Words().SuccessPage(done))
	return done, nil
}

// authorizationURL returns where the browser goes, and until when that works; zero means until the login times out. The
// request is pushed to the provider first (RFC 9126) if it must be, or if it may be and a person will open the URL at
// once: then its parameters are in nobody's history.
func (t *attempt) authorizationURL(ctx context.Context, r authorizationRequest) (where string, expiry time.Time, err error) {
	where = t.plainURL(r)
	p := t.Provider
	if p.PushedAuthorizationEndpoint == "" || t.headless && !p.RequirePAR {
		return where, time.Time{}, nil
	}
	u, err := url.Parse(where)
	if err != nil {
		return "", time.Time{}, err
	}
	endpoint, err := url.Parse(p.Endpoints.Authorization)
	if err != nil {
		return "", time.Time{}, err
	}
	params := u.Query()
	for key := range endpoint.Query() {
		params.Del(key)
	}
	requestURI, expiry, err := t.grants.PushAuthorization(ctx, grant.PushedAuthorization{
		Endpoint: p.PushedAuthorizationEndpoint, Auth: t.Auth, Parameters: params,
	})
	switch {
	case err == nil:
	case ctx.Err() != nil, p.RequirePAR, clientRefused(err):
		return "", time.Time{}, t.Words().Exchange(err)
	default:
		t.log.Info().Err(err).Str("account", t.Account.Name).Msg("pushed authorization request")
		return where, time.Time{}, nil
	}
	query := endpoint.Query()
	query.Set("client_id", t.Auth.ID)
	query.Set("request_uri", requestURI)
	endpoint.RawQuery = query.Encode()
	return endpoint.String(), expiry, nil
}

// plainURL is the authorization request with all its parameters (RFC 6749 §4.1.1, RFC 7636 §4.3).
func (t *attempt) plainURL(r authorizationRequest) string {
	params := map[string]string{}
	if r.nonce != "" && slices.Contains(t.Asked, "openid") {
		params["nonce"] = r.nonce
	}
	maps.Copy(params, t.Provider.AuthParams)
	if t.asksForMore() {
		maps.Copy(params, t.Provider.MoreScopesParams)
	}
	maps.Copy(params, t.Account.AuthParams)
	maps.Copy(params, t.once)
	if t.Account.Resource != "" {
		params["resource"] = t.Account.Resource
	}
	if thumbprint := t.Auth.ProofKey.Thumbprint(); thumbprint != "" {
		params["dpop_jkt"] = thumbprint // RFC 9449 §10: nobody else can redeem the code
	}
	if len(t.Asked) > 0 {
		params[cmp.Or(t.Provider.ScopeParameter, "scope")] =
			strings.Join(t.Asked, cmp.Or(t.Provider.RequestScopeSeparator, " "))
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(r.verifier.Reveal())}
	for key, value := range params {
		options = append(options, oauth2.SetAuthURLParam(key, value))
	}
	c := oauth2.Config{
		ClientID:    t.Auth.ID,
		Endpoint:    oauth2.Endpoint{AuthURL: t.Provider.Endpoints.Authorization},
		RedirectURL: r.redirectURI,
	}
	return c.AuthCodeURL(r.state, options...)
}

// exchange redeems the code.
func (t *attempt) exchange(ctx context.Context, r authorizationRequest, code account.Secret) (api.LoginEvent, error) {
	response, err := t.grants.Exchange(ctx, grant.Exchange{
		TokenEndpoint: t.Provider.Endpoints.Token,
		Auth:          t.Auth,
		Code:          code,
		Verifier:      r.verifier,
		RedirectURI:   r.redirectURI,
		Scopes:        mint.OneResource(t.Provider, t.Asked),
		Resource:      t.Account.Resource,
		Dialect:       mint.Dialect(t.Provider),
		OpenID:        slices.Contains(t.Asked, "openid"),
	})
	if err != nil {
		return api.LoginEvent{}, t.Words().Exchange(err)
	}
	t.RedirectURI, t.Nonce, t.Response = r.redirectURI, r.nonce, response
	return t.Finish(ctx, t.slot, t.Outcome)
}

// clientRefused reports whether the provider does not know the client, or does not let it do this.
func clientRefused(err error) bool {
	var (
		refused *grant.ProviderError
		denied  *redirect.AuthorizationError
	)
	return clientUnknown(err) || errors.As(err, &refused) && refused.Code == "unauthorized_client" ||
		errors.As(err, &denied) && (denied.Code == "unauthorized_client" || denied.Code == "invalid_client")
}

// clientUnknown reports whether the provider does not know the client, or no longer.
func clientUnknown(err error) bool {
	var refused *grant.ProviderError
	return errors.As(err, &refused) && refused.Code == "invalid_client"
}
