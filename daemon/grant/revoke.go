package grant

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

// Revoke is a revocation request (RFC 7009 §2.1), or what a provider has in its place.
type Revoke struct {
	RevocationEndpoint string
	// Form is how the endpoint is used; the zero value is RFC 7009's way.
	Form provider.RevocationForm
	// Auth is not used where the token itself is the authorization.
	Auth ClientAuth
	// Token is the access token where Form takes one.
	Token account.Secret
	// Hint is the token_type_hint, "refresh_token" or "access_token"; "" sends none. It is RFC 7009's alone.
	Hint string
}

const revocationRequest = "revocation request"

// Revoke ends a token. It returns nil when the token is dead, also when the provider says that it was so before (RFC
// 7009 §2.2). Errors are *[ProviderError].
func (c *Client) Revoke(ctx context.Context, r Revoke) error {
	var (
		a    answer
		fail *ProviderError
	)
	switch r.Form {
	case provider.RevokeGitHub:
		a, fail = c.deleteGrant(ctx, r)
	case provider.RevokeBearer, provider.RevokeBearerForm:
		a, fail = c.postBearer(ctx, r)
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

// deleteGrant ends the grant that GitHub gave a client, by an access token of it: DELETE
// /applications/{client_id}/grant, with the client's id and secret by HTTP Basic (RFC 7617).
func (c *Client) deleteGrant(ctx context.Context, r Revoke) (answer, *ProviderError) {
	if r.Auth.Secret.IsZero() {
		return answer{}, &ProviderError{Kind: Configuration, Op: revocationRequest, Endpoint: place(r.RevocationEndpoint),
			Reason: "this revocation needs the client secret, and there is none"}
	}
	body, err := json.Marshal(map[string]string{"access_token": r.Token.Reveal()})
	if err != nil {
		return answer{}, &ProviderError{Kind: Unknown, Op: revocationRequest, Endpoint: place(r.RevocationEndpoint), Reason: "no JSON"}
	}
	endpoint := strings.TrimSuffix(r.RevocationEndpoint, "/") + "/" + url.PathEscape(r.Auth.ID) + "/grant"
	pair := base64.StdEncoding.EncodeToString([]byte(r.Auth.ID + ":" + r.Auth.Secret.Reveal()))
	header := http.Header{"Content-Type": {"application/json"}, "Authorization": {"Basic " + pair}}
	return c.send(ctx, http.MethodDelete, endpoint, header, &onceBody{text: strings.NewReader(string(body))}, int64(len(body)),
		r.answer(endpoint, pair))
}

// postBearer sends the token that is to end as the request's authorization (RFC 6750 §2.1).
func (c *Client) postBearer(ctx context.Context, r Revoke) (answer, *ProviderError) {
	header := http.Header{"Authorization": {"Bearer " + r.Token.Reveal()}}
	if r.Form == provider.RevokeBearer {
		return c.send(ctx, http.MethodPost, r.RevocationEndpoint, header, nil, 0, r.answer(r.RevocationEndpoint))
	}
	header.Set("Content-Type", "application/x-www-form-urlencoded")
	body := url.Values{"token": {r.Token.Reveal()}}.Encode()
	return c.send(ctx, http.MethodPost, r.RevocationEndpoint, header, &onceBody{text: strings.NewReader(body)}, int64(len(body)),
		r.answer(r.RevocationEndpoint))
}

// answer is the blank that [Client.send] fills.
func (r Revoke) answer(endpoint string, secrets ...string) answer {
	return answer{op: revocationRequest, endpoint: place(endpoint),
		secrets: append(secrets, r.Token.Reveal(), r.Auth.Secret.Reveal())}
}

// revoked reads the answer to a revocation request; nil means that the token is dead.
func (a answer) revoked(form provider.RevocationForm) *ProviderError {
	switch {
	case a.ok() && form == provider.RevokeRFC7009:
		// The content of a 200 is to be ignored (RFC 7009 §2.2).
		return nil
	case a.status >= 300 && a.status < 400:
		return a.fail(Unknown, "the answer is a redirect, which is not followed")
	case a.ok() && a.broken != nil:
		return a.failBroken()
	}
	members, _ := parseMembers(a.header.Get("Content-Type"), a.body)
	refused := a.refusal(members)
	switch {
	case refused == nil && a.ok():
		return nil
	case refused == nil:
		return a.fail(Unknown, "an error without a code")
	case refused.Code == "invalid_token" && !a.passing(), refused.Code == "token_revoked" && a.ok():
		// Google answers 400 invalid_token where the RFC wants a 200; Slack token_revoked in a 200.
		return nil
	}
	return refused
}
