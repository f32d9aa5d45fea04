package google

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
)

// adcUser refreshes the token that gcloud got when a person logged in, at Google (authorized_user) or in a workforce
// pool.
func (c Client) adcUser(
	ctx context.Context, members grant.Members, r ADCRequest,
) (grant.Response, string, error) {
	fields, err := members.Texts("client_id", "client_secret", "refresh_token", "token_uri", "token_url", "account")
	if err != nil {
		return grant.Response{}, "", fmt.Errorf("the file's %w", err)
	}
	if r.Audience != "" {
		return grant.Response{}, "", errors.New("a person's credentials give no token for an audience; a service account's do")
	}
	refresh := grant.Refresh{
		TokenEndpoint: cmp.Or(fields["token_uri"], googleTokenURI),
		Auth: grant.ClientAuth{
			ID: fields["client_id"], Secret: account.NewSecret(fields["client_secret"]), Method: provider.AuthPost,
		},
		RefreshToken: account.NewSecret(fields["refresh_token"]),
	}
	name, trusted := "token_uri", TrustedTokenURI
	if members.Text("type") == "external_account_authorized_user" {
		name, trusted = "token_url", trustedService("sts")
		refresh.TokenEndpoint, refresh.Auth.Method = fields["token_url"], provider.AuthBasic
	}
	for _, needed := range []string{"client_id", "client_secret", "refresh_token"} {
		if fields[needed] == "" {
			return grant.Response{}, "", fmt.Errorf("the file has no %s", needed)
		}
	}
	if err := provider.CheckURL(refresh.TokenEndpoint); err != nil {
		return grant.Response{}, "", fmt.Errorf("the file's %s: %w", name, err)
	}
	if !trusted(refresh.TokenEndpoint) {
		if err := r.permit(SourceURL, name+" is not Google's"); err != nil {
			return grant.Response{}, "", err
		}
	}
	resp, err := c.Grants.Refresh(ctx, refresh)
	var refused *grant.ProviderError
	if errors.As(err, &refused) && refused.Kind == grant.LoginRequired {
		refused.Kind = grant.Configuration
		refused.Description = strings.TrimPrefix(refused.Description+"; ", "; ") +
			"gcloud auth application-default login makes new credentials"
	}
	if err != nil {
		return grant.Response{}, "", err
	}
	email := cmp.Or(members.Email("account"), claimedEmail(resp.IDToken))
	if r.IDToken && resp.IDToken.IsZero() {
		return grant.Response{}, email, errors.New("these credentials give no ID token")
	}
	return resp, email, nil
}

// claimedEmail returns the email claim of an ID token that nobody has verified; "" if there is none.
func claimedEmail(idToken account.Secret) string {
	claims, err := grant.Claims(idToken)
	if err != nil {
		return ""
	}
	return claims.Email("email")
}
