package grant

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
	"oauthd/daemon/provider"
)

const (
	// cloudPlatform is the scope by which Google's token services are asked.
	cloudPlatform  = "https://www.googleapis.com/auth/cloud-platform"
	generateAccess = ":generateAccessToken"
	generateID     = ":generateIdToken"
)

// impersonation is a service account that other credentials may get tokens of, by Google's IAM credentials service.
type impersonation struct {
	// url ends in [generateAccess].
	url       string
	delegates []string
	// lifetime is of access tokens; 0 means an hour.
	lifetime time.Duration
}

// adcImpersonated gets tokens of a service account by source_credentials of another kind.
func (c *Client) adcImpersonated(
	ctx context.Context, members map[string]json.RawMessage, r ADCRequest, depth int,
) (Response, string, error) {
	imp, err := parseImpersonation(members, r)
	if err != nil {
		return Response{}, "", err
	}
	if imp.url == "" {
		return Response{}, "", errors.New("the file has no service_account_impersonation_url")
	}
	source := parseObject(members["source_credentials"])
	if source == nil {
		return Response{}, "", errors.New("the file's source_credentials are missing, or no object")
	}
	if err := r.checkGenerated(); err != nil {
		return Response{}, "", err
	}
	from, _, err := c.fromFile(ctx, source, ADCRequest{Scopes: []string{cloudPlatform}, Sources: r.Sources}, depth+1)
	var asked *ProviderError
	if err != nil && !errors.As(err, &asked) {
		return Response{}, "", fmt.Errorf("source_credentials: %w", err)
	}
	if err != nil {
		return Response{}, "", err
	}
	resp, err := c.impersonate(ctx, imp, from.Token.Access, r)
	return resp, imp.email(), err
}

// parseImpersonation reads what a credentials file says of the service account to be; its url is "" where there is none.
func parseImpersonation(members map[string]json.RawMessage, r ADCRequest) (impersonation, error) {
	const name = "service_account_impersonation_url"
	if !isText(members[name]) {
		return impersonation{}, fmt.Errorf("the file's %s is not a string", name)
	}
	imp := impersonation{url: text(members[name])}
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
	lifetime, err := parseSeconds("token_lifetime_seconds", parseObject(members["service_account_impersonation"]))
	if err != nil {
		return impersonation{}, errors.New("the file's token_lifetime_seconds is not a number")
	}
	imp.lifetime = lifetime
	return imp, nil
}

// checkGenerated checks a request of tokens that Google makes for a service account.
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

// email is the service account's, as the URL names it; "" where it does not.
func (i impersonation) email() string {
	u, err := url.Parse(strings.TrimSuffix(i.url, generateAccess))
	if err != nil {
		return ""
	}
	name := u.Path[strings.LastIndex(u.Path, "/")+1:]
	quoted, err := json.Marshal(name)
	if err != nil {
		return ""
	}
	return emailOf(quoted)
}

// impersonate asks for what r asks for, with an access token of the source.
func (c *Client) impersonate(ctx context.Context, imp impersonation, source account.Secret, r ADCRequest) (Response, error) {
	var resp Response
	if len(r.Scopes) > 0 {
		lifetime := imp.lifetime
		if lifetime == 0 {
			lifetime = time.Hour
		}
		a, fail := c.generate(ctx, imp.url, source, map[string]any{
			"scope": r.Scopes, "delegates": imp.delegates, "lifetime": fmt.Sprintf("%ds", int64(lifetime.Seconds())),
		})
		if fail == nil {
			resp.Token, fail = a.generated()
		}
		if fail != nil {
			return Response{}, ofIAM(fail)
		}
	}
	if r.IDToken {
		at := strings.TrimSuffix(imp.url, generateAccess) + generateID
		var idToken account.Secret
		a, fail := c.generate(ctx, at, source, map[string]any{
			"audience": r.Audience, "includeEmail": true, "delegates": imp.delegates,
		})
		if fail == nil {
			idToken, fail = a.idTokenAlone("token")
		}
		if fail != nil {
			return Response{}, ofIAM(fail)
		}
		resp.IDToken, resp.Token.IDToken, resp.Token.IDTokenExpiry = idToken, idToken, claimedExpiry(idToken)
	}
	return resp, nil
}

func (c *Client) generate(
	ctx context.Context, endpoint string, source account.Secret, ask map[string]any,
) (answer, *ProviderError) {
	const op = "impersonation request"
	body, err := json.Marshal(ask)
	if err != nil {
		return answer{}, &ProviderError{Kind: Configuration, Op: op, Endpoint: place(endpoint), Reason: "the request is not JSON"}
	}
	header := http.Header{
		"Content-Type":  {"application/json"},
		"Authorization": {"Bearer " + source.Reveal()},
	}
	a := answer{op: op, endpoint: place(endpoint), secrets: []string{source.Reveal()}}
	return c.send(ctx, http.MethodPost, endpoint, header,
		&onceBody{text: strings.NewReader(string(body))}, int64(len(body)), a)
}

// generated reads an access token of the IAM credentials service. Its expiry is by the provider's clock, and so taken
// relative to the answer's Date, because this machine's clock may be wrong.
func (a answer) generated() (account.Token, *ProviderError) {
	members, fail := a.members()
	if fail != nil {
		return account.Token{}, fail
	}
	access := text(members["accessToken"])
	if access == "" || strings.ContainsFunc(access, notPrintable) {
		return account.Token{}, a.fail(Unknown, "the answer has no usable accessToken")
	}
	until, err := time.Parse(time.RFC3339, text(members["expireTime"]))
	if err != nil {
		return account.Token{}, a.fail(Unknown, "the answer's expireTime is not a time")
	}
	date, err := http.ParseTime(a.header.Get("Date"))
	if err != nil {
		date = a.now
	}
	lifetime := min(until.Sub(date), maxLifetime)
	if lifetime <= 0 {
		return account.Token{}, a.fail(Unknown, "the answer's token has expired")
	}
	return account.Token{
		Access: account.NewSecret(access), Type: "Bearer",
		Lifetime: lifetime, Expiry: a.sentAt.Add(lifetime).Round(0),
	}, nil
}

// ofIAM classifies by the codes of Google's API errors, which are not OAuth's.
func ofIAM(fail *ProviderError) *ProviderError {
	switch fail.Code {
	case "PERMISSION_DENIED", "NOT_FOUND", "INVALID_ARGUMENT", "UNAUTHENTICATED", "FAILED_PRECONDITION":
		if fail.Kind == Unknown {
			fail.Kind = Configuration
		}
	}
	return fail
}

// trustedService returns a check whether a URL is that of one of Google's services by its usual, regional and mTLS
// names, such as sts.googleapis.com.
func trustedService(service string) func(uri string) bool {
	return func(uri string) bool {
		u, err := url.Parse(uri)
		if err != nil || provider.CheckURL(uri) != nil || u.Scheme != "https" || u.Port() != "" {
			return false
		}
		before, ok := strings.CutSuffix(strings.ToLower(u.Host), ".googleapis.com")
		if !ok {
			return false
		}
		labels := strings.Split(before, ".")
		switch {
		case len(labels) == 1:
			return labels[0] == service
		case len(labels) == 2 && labels[0] == service:
			// Not any label: a bucket of that name would be at sts.storage.googleapis.com.
			return labels[1] == "mtls" || isRegion(labels[1])
		default:
			return len(labels) == 2 && labels[1] == service
		}
	}
}

// isRegion reports whether label is formed as the names of Google's regions are, such as us-east1.
func isRegion(label string) bool {
	last := label[max(len(label)-1, 0):]
	return strings.Contains(label, "-") && last >= "0" && last <= "9"
}
