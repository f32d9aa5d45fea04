package grant

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

// Revoke is a revocation request (RFC 7009 §2.1), or what a provider has instead.
type Revoke struct {
	RevocationEndpoint string
	// Form is how the endpoint is used; the zero value is RFC 7009's way.
	Form provider.RevocationForm
	// Auth is not used if the token itself is the authorization.
	Auth ClientAuth
	// Token is the token to end: an access token if Form takes one.
	Token account.Secret
	// Hint is the token_type_hint, "refresh_token" or "access_token"; "" sends none. Only RFC 7009 has it.
	Hint string
}

const revocationRequest = "revocation request"

// Revoke ends a token. It returns nil if the token is dead, even if it already was (RFC 7009 §2.2). Errors are
// *[ProviderError].
func (c *Client) Revoke(ctx context.Context, r Revoke) error {
	var (
		a    Answer
		fail *ProviderError
	)
	switch r.Form {
	case provider.RevokeGitHub:
		a, fail = c.deleteGrant(ctx, r)
	case provider.RevokeBearer:
		a, fail = c.postBearer(ctx, r, "", "")
	case provider.RevokeBearerForm:
		a, fail = c.postBearer(ctx, r, "application/x-www-form-urlencoded", url.Values{"token": {r.Token.Reveal()}}.Encode())
	default:
		form := url.Values{"token": {r.Token.Reveal()}}
		setAll(form, "token_type_hint", r.Hint)
		a, fail = c.post(ctx, revocationRequest, r.RevocationEndpoint, r.Auth, form)
	}
	if fail != nil {
		return fail
	}
	if fail := a.revoked(r.Form); fail != nil {
		return fail
	}
	return nil
}

// deleteGrant ends the grant that GitHub gave a client, which an access token names: DELETE
// /applications/{client_id}/grant, with the client's id and secret in HTTP Basic (RFC 7617).
func (c *Client) deleteGrant(ctx context.Context, r Revoke) (Answer, *ProviderError) {
	fail := ProviderError{Kind: Configuration, Op: revocationRequest, Endpoint: place(r.RevocationEndpoint)}
	if r.Auth.Secret.IsZero() {
		fail.Reason = "this revocation needs the client secret, and there is none"
		return Answer{}, &fail
	}
	body, err := json.Marshal(map[string]string{"access_token": r.Token.Reveal()})
	if err != nil {
		fail.Reason = "the access token is not text"
		return Answer{}, &fail
	}
	header := wants("application/json")
	header.Set("Authorization", ClientAuth{ID: r.Auth.ID, Secret: r.Auth.Secret, BasicUnencoded: true}.basic())
	return c.Send(ctx, Request{
		Op: revocationRequest, Method: http.MethodDelete, Header: header, Body: string(body),
		Endpoint: strings.TrimSuffix(r.RevocationEndpoint, "/") + "/" + url.PathEscape(r.Auth.ID) + "/grant",
		Secrets:  []string{r.Token.Reveal(), r.Auth.Secret.Reveal()},
	})
}

// postBearer sends the token that is to end as the request's authorization (RFC 6750 §2.1).
func (c *Client) postBearer(ctx context.Context, r Revoke, contentType, body string) (Answer, *ProviderError) {
	header := wants(contentType)
	header.Set("Authorization", "Bearer "+r.Token.Reveal())
	return c.Send(ctx, Request{
		Op: revocationRequest, Method: http.MethodPost, Endpoint: r.RevocationEndpoint, Header: header, Body: body,
		Secrets: []string{r.Token.Reveal(), r.Auth.Secret.Reveal()},
	})
}

// revoked reads the answer to a revocation request; nil means that the token is dead.
func (a Answer) revoked(form provider.RevocationForm) *ProviderError {
	switch {
	case a.OK() && form == provider.RevokeRFC7009:
		// The content of a 200 is ignored (RFC 7009 §2.2).
		return nil
	case a.Status >= 300 && a.Status < 400:
		return a.Fail(Unknown, "the answer is a redirect, which is not followed")
	case a.OK() && a.broken != nil:
		return a.failBroken()
	}
	members, _ := parseMembers(a.Header.Get("Content-Type"), a.Body)
	refused := a.refusal(members)
	switch {
	case refused == nil && a.OK():
		return nil
	case refused == nil:
		return a.Fail(Unknown, "an error without a code")
	case refused.Code == "invalid_token" && !a.passing(), refused.Code == "token_revoked" && a.OK():
		// For a dead token, Google answers 400 invalid_token, although the RFC wants a 200, and Slack answers 200
		// token_revoked.
		return nil
	}
	return refused
}
