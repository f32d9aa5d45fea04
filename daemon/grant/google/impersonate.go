package google

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
)

const (
	// cloudPlatform is the scope that Google's token services require.
	cloudPlatform  = "https://www.googleapis.com/auth/cloud-platform"
	generateAccess = ":generateAccessToken"
	generateID     = ":generateIdToken"
)

// impersonation is a service account for which other credentials may get tokens, from Google's IAM credentials service.
type impersonation struct {
	// url ends in [generateAccess].
	url       string
	delegates []string
	// lifetime is that of access tokens; 0 means an hour.
	lifetime time.Duration
}

// adcImpersonated gets tokens for a service account with source_credentials of another kind.
func (c Client) adcImpersonated(
	ctx context.Context, members grant.Members, r ADCRequest, depth int,
) (grant.Response, string, error) {
	imp, err := parseImpersonation(members, r)
	if err != nil {
		return grant.Response{}, "", err
	}
	if imp.url == "" {
		return grant.Response{}, "", errors.New("the file has no service_account_impersonation_url")
	}
	source := members.Object("source_credentials")
	if source == nil {
		return grant.Response{}, "", errors.New("the file's source_credentials are missing, or not an object")
	}
	if err := r.checkGenerated(); err != nil {
		return grant.Response{}, "", err
	}
	from, _, err := c.fromFile(ctx, source, ADCRequest{Scopes: []string{cloudPlatform}, Sources: r.Sources}, depth+1)
	var asked *grant.ProviderError
	if err != nil && !errors.As(err, &asked) {
		return grant.Response{}, "", fmt.Errorf("source_credentials: %w", err)
	}
	if err != nil {
		return grant.Response{}, "", err
	}
	resp, err := c.impersonate(ctx, imp, from.Token.Access, r)
	return resp, imp.email(), err
}

// parseImpersonation reads which service account a credentials file wants to be; its url is "" if none.
func parseImpersonation(members grant.Members, r ADCRequest) (impersonation, error) {
	const name = "service_account_impersonation_url"
	if !members.IsText(name) {
		return impersonation{}, fmt.Errorf("the file's %s is not a string", name)
	}
	imp := impersonation{url: members.Text(name)}
	if imp.url == "" {
		return impersonation{}, nil
	}
	if err := provider.CheckURL(imp.url); err != nil {
		return impersonation{}, fmt.Errorf("the file's %s: %w", name, err)
	}
	if !strings.HasSuffix(imp.url, generateAccess) {
		return impersonation{}, fmt.Errorf("the file's %s does not end in %s", name, generateAccess)
	}
	if !trustedService("iamcredentials")(imp.url) {
		if err := r.permit(SourceURL, name+" is not Google's"); err != nil {
			return impersonation{}, err
		}
	}
	if raw := members["delegates"]; len(raw) > 0 && json.Unmarshal(raw, &imp.delegates) != nil {
		return impersonation{}, errors.New("the file's delegates are not a list of strings")
	}
	lifetime, err := members.Object("service_account_impersonation").Seconds("token_lifetime_seconds")
	if err != nil {
		return impersonation{}, errors.New("the file's token_lifetime_seconds is not a number")
	}
	imp.lifetime = lifetime
	return imp, nil
}

// checkGenerated checks a request for tokens that Google's IAM credentials service makes.
func (r ADCRequest) checkGenerated() error {
	switch {
	case r.IDToken && r.Audience == "":
		return errors.New("an ID token needs an audience")
	case r.Audience != "" && !r.IDToken:
		return errors.New("these credentials give no access token for an audience, only an ID token")
	case len(r.Scopes) == 0 && !r.IDToken:
		return ErrNoScopes
	}
	return nil
}

// email is the service account's, as the URL names it; "" if it does not.
func (i impersonation) email() string {
	u, err := url.Parse(strings.TrimSuffix(i.url, generateAccess))
	if err != nil {
		return ""
	}
	return grant.Email(u.Path[strings.LastIndex(u.Path, "/")+1:])
}

// impersonate asks for what r wants, with an access token of the source.
func (c Client) impersonate(ctx context.Context, imp impersonation, source account.Secret, r ADCRequest) (grant.Response, error) {
	var resp grant.Response
	if len(r.Scopes) > 0 {
		lifetime := imp.lifetime
		if lifetime == 0 {
			lifetime = time.Hour
		}
		a, fail := c.generate(ctx, imp.url, source, map[string]any{
			"scope": r.Scopes, "delegates": imp.delegates, "lifetime": fmt.Sprintf("%ds", int64(lifetime.Seconds())),
		})
		if fail == nil {
			resp.Token, fail = generated(a)
		}
		if fail != nil {
			return grant.Response{}, ofIAM(fail)
		}
	}
	if r.IDToken {
		at := strings.TrimSuffix(imp.url, generateAccess) + generateID
		var idToken account.Secret
		a, fail := c.generate(ctx, at, source, map[string]any{
			"audience": r.Audience, "includeEmail": true, "delegates": imp.delegates,
		})
		if fail == nil {
			idToken, fail = a.IDToken("token")
		}
		if fail != nil {
			return grant.Response{}, ofIAM(fail)
		}
		resp.IDToken, resp.Token.IDToken, resp.Token.IDTokenExpiry = idToken, idToken, grant.ClaimedExpiry(idToken)
	}
	return resp, nil
}

func (c Client) generate(
	ctx context.Context, endpoint string, source account.Secret, ask map[string]any,
) (grant.Answer, *grant.ProviderError) {
	const op = "impersonation request"
	body, err := json.Marshal(ask)
	if err != nil {
		return grant.Answer{}, &grant.ProviderError{
			Kind: grant.Configuration, Op: op, Endpoint: endpoint, Reason: "the request is not JSON",
		}
	}
	return c.Grants.Send(ctx, grant.Request{
		Op: op, Method: http.MethodPost, Endpoint: endpoint, Body: string(body),
		Header: http.Header{
			"Accept":        {"application/json"},
			"Content-Type":  {"application/json"},
			"Authorization": {"Bearer " + source.Reveal()},
		},
	})
}

// generated reads an access token from the IAM credentials service. Its expiry is by the provider's clock.
func generated(a grant.Answer) (account.Token, *grant.ProviderError) {
	members, fail := a.TokenMembers()
	if fail != nil {
		return account.Token{}, fail
	}
	access := members.Text("accessToken")
	if access == "" || strings.ContainsFunc(access, func(r rune) bool { return r < 0x20 || r > 0x7e }) {
		return account.Token{}, a.Fail(grant.Unknown, "the answer has no usable accessToken")
	}
	until, err := time.Parse(time.RFC3339, members.Text("expireTime"))
	if err != nil {
		return account.Token{}, a.Fail(grant.Unknown, "the answer's expireTime is not a time")
	}
	lifetime := a.Left(until)
	if lifetime <= 0 {
		return account.Token{}, a.Fail(grant.Unknown, "the answer's token has expired")
	}
	return account.Token{
		Access: account.NewSecret(access), Type: "Bearer", Lifetime: lifetime, Expiry: a.Expiry(lifetime),
	}, nil
}

// ofIAM sets the kind by the codes of Google's API errors, which are not those of OAuth.
func ofIAM(fail *grant.ProviderError) *grant.ProviderError {
	switch fail.Code {
	case "PERMISSION_DENIED", "NOT_FOUND", "INVALID_ARGUMENT", "UNAUTHENTICATED", "FAILED_PRECONDITION":
		if fail.Kind == grant.Unknown {
			fail.Kind = grant.Configuration
		}
	}
	return fail
}
