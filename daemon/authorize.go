package daemon

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
	"oauthd/daemon/provider"
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
	if err := checkRedirect(t.account, t.provider); err != nil {
		return done, err
	}
	request := authorizationRequest{
		state:    rand.Text() + rand.Text(), // 260 bits
		verifier: account.NewSecret(oauth2.GenerateVerifier()),
	}
	if !t.provider.NoNonce {
		request.nonce = rand.Text() + rand.Text()
	}
	rule, fixed := redirectRule(t.account, t.provider)
	rule.State, rule.PeerUID = request.state, t.d.cfg.UID
	rule.ResponseMode = t.account.AuthParams["response_mode"]
	if t.provider.IssuerTemplate == "" {
		rule.Issuer, rule.RequireIssuer = t.provider.Issuer, t.provider.RequireIss
	}
	server, err := redirect.Listen(ctx, rule)
	if err != nil {
		return done, t.cause(ctx, redirectProblem(err, rule))
	}
	defer server.Close()
	request.redirectURI = cmp.Or(fixed, server.RedirectURI())
	where, expiry, err := t.authorizationURL(ctx, request)
	if err != nil {
		return done, t.cause(ctx, err)
	}
	t.d.logins.await(t.login, server.Deliver)
	defer t.d.logins.await(t.login, nil)
	events(api.LoginEvent{
		Event:             api.EventAuthorize,
		LoginID:           t.login.id,
		URL:               where,
		RedirectURI:       request.redirectURI,
		CertificateSHA256: server.CertificateFingerprint(),
		ExpiresAt:         moment(expiry),
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
	done, err = t.exchange(ctx, request, account.NewSecret(response.Code()))
	if err != nil {
		server.Finish(ctx, t.failurePage(err))
		return done, err
	}
	events(done)
	server.Finish(ctx, t.successPage(done))
	return done, nil
}

// authorizationURL returns where the browser goes, and until when that is good; zero means until the login's time is up.
// The request is left at the provider first where it must be, and where it may be and a person will open the URL at
// once (RFC 9126): then its parameters are in nobody's history.
func (t *attempt) authorizationURL(ctx context.Context, r authorizationRequest) (where string, expiry time.Time, err error) {
	where = t.plainURL(r)
	p := t.provider
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
	requestURI, expiry, err := t.d.grants.PushAuthorization(ctx, grant.PushedAuthorization{
		Endpoint: p.PushedAuthorizationEndpoint, Auth: t.auth, Parameters: params,
	})
	switch {
	case err == nil:
	case ctx.Err() != nil, p.RequirePAR, clientRefused(err):
		return "", time.Time{}, t.exchangeProblem(err)
	default:
		t.d.log.Info().Err(err).Str("account", t.account.Name).Msg("pushed authorization request")
		return where, time.Time{}, nil
	}
	query := endpoint.Query()
	query.Set("client_id", t.auth.ID)
	query.Set("request_uri", requestURI)
	endpoint.RawQuery = query.Encode()
	return endpoint.String(), expiry, nil
}

// plainURL is the authorization request with all its parameters (RFC 6749 §4.1.1, RFC 7636 §4.3).
func (t *attempt) plainURL(r authorizationRequest) string {
	params := map[string]string{}
	if r.nonce != "" && slices.Contains(t.scopes, "openid") {
		params["nonce"] = r.nonce
	}
	maps.Copy(params, t.provider.AuthParams)
	if t.asksForMore() {
		maps.Copy(params, t.provider.MoreScopesParams)
	}
	maps.Copy(params, t.account.AuthParams)
	if t.account.Resource != "" {
		params["resource"] = t.account.Resource
	}
	if len(t.scopes) > 0 {
		params[cmp.Or(t.provider.ScopeParameter, "scope")] =
			strings.Join(t.scopes, cmp.Or(t.provider.RequestScopeSeparator, " "))
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(r.verifier.Reveal())}
	for key, value := range params {
		options = append(options, oauth2.SetAuthURLParam(key, value))
	}
	c := oauth2.Config{
		ClientID:    t.auth.ID,
		Endpoint:    oauth2.Endpoint{AuthURL: t.provider.Endpoints.Authorization},
		RedirectURL: r.redirectURI,
	}
	return c.AuthCodeURL(r.state, options...)
}

// dialect is how p answers token requests.
func dialect(p provider.Provider) grant.Dialect {
	return grant.Dialect{
		ScopeSeparator: p.ScopeSeparator, TokenMember: p.TokenMember, TokenType: p.TokenType, LoginEnded: p.LoginEndedErrors,
	}
}

// asksForMore reports whether scopes were named for this login that an earlier one at this provider did not bring.
func (t *attempt) asksForMore() bool {
	before := t.before
	return t.named && !before.RefreshToken.IsZero() && before.Issuer == t.provider.Issuer &&
		len(t.provider.Covers(before.Scopes, t.account.Scopes)) > 0
}

// exchange redeems the code.
func (t *attempt) exchange(ctx context.Context, r authorizationRequest, code account.Secret) (api.LoginEvent, error) {
	response, err := t.d.grants.Exchange(ctx, grant.Exchange{
		TokenEndpoint: t.provider.Endpoints.Token,
		Auth:          t.auth,
		Code:          code,
		Verifier:      r.verifier,
		RedirectURI:   r.redirectURI,
		Scope:         oneResource(t.provider, t.scopes),
		Resource:      t.account.Resource,
		Dialect:       dialect(t.provider),
	})
	if err != nil {
		return api.LoginEvent{}, t.exchangeProblem(err)
	}
	t.redirectURI = r.redirectURI
	return t.complete(ctx, response, r.nonce)
}

// clientRefused reports whether the provider does not know the client, or does not let it do this.
func clientRefused(err error) bool {
	var refused *grant.ProviderError
	return clientUnknown(err) || errors.As(err, &refused) && refused.Code == "unauthorized_client"
}

// clientUnknown reports whether the provider does not know the client, or no longer.
func clientUnknown(err error) bool {
	var refused *grant.ProviderError
	return errors.As(err, &refused) && refused.Code == "invalid_client"
}
