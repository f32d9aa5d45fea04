package aws

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"oauthd/ipc/api"
)

const (
	timeout = 30 * time.Second
	// mostAnswer is how large an answer may be, in bytes.
	mostAnswer = 1 << 20
	namespace  = "https://sts.amazonaws.com/doc/2011-06-15/"
)

// Assume asks AWS for credentials of role, for the ID token of its account.
func Assume(ctx context.Context, transport http.RoundTripper, role Role, tokens Tokens) (Credentials, error) {
	if err := role.Check(); err != nil {
		return Credentials{}, err
	}
	t, err := tokens.Token(ctx, api.TokenRequest{Account: role.Account, IDToken: true})
	if err != nil {
		return Credentials{}, err
	}
	if !printable(t.IDToken) {
		return Credentials{}, &api.Error{Code: api.Unsupported, Message: role.Account + " has no ID token, which AWS takes for a role", Hint: "oauthd login " + role.Account + " --scope openid"}
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	status, body, err := post(ctx, transport, role, t.IDToken)
	if err != nil {
		return Credentials{}, err
	}
	if status != http.StatusOK {
		return Credentials{}, refused(role, status, body)
	}
	return read(body)
}

// post sends the request of AWS' Security Token Service, and returns its answer.
func post(ctx context.Context, transport http.RoundTripper, role Role, idToken string) (status int, body []byte, err error) {
	endpoint, err := role.endpoint()
	if err != nil {
		return 0, nil, err
	}
	form := url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"},
		"RoleArn": {role.ARN}, "RoleSessionName": {role.SessionName()}, "WebIdentityToken": {idToken},
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "text/xml")
	r.Header.Set("User-Agent", "oauthd")
	answer, err := transport.RoundTrip(r) // which follows no redirect
	if err == nil {
		defer answer.Body.Close()
		body, err = io.ReadAll(io.LimitReader(answer.Body, mostAnswer+1))
	}
	switch {
	case errors.Is(err, context.Canceled):
		return 0, nil, err
	case err != nil:
		return 0, nil, unreachable(r.URL.Host+" cannot be reached: "+api.Excerpt(err.Error()), err)
	case len(body) > mostAnswer:
		return 0, nil, unusable("it is too large", nil)
	}
	return answer.StatusCode, body, nil
}

// endpoint returns where the request goes. The ID token goes in the clear to this machine only.
func (r Role) endpoint() (string, error) {
	if r.Endpoint == "" {
		return r.regional(), nil
	}
	u, err := url.Parse(r.Endpoint)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return "", badRequest("the endpoint "+api.Excerpt(r.Endpoint)+" is not https", "AWS_ENDPOINT_URL_STS takes an https URL; http is for this machine alone")
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u.String(), nil
}

// regional returns AWS' own endpoint for the role's partition and region.
func (r Role) regional() string {
	partition, _, _ := strings.Cut(strings.TrimPrefix(r.ARN, "arn:"), ":")
	domain, region := "amazonaws.com", r.Region
	switch {
	case partition == "aws-cn":
		domain += ".cn"
		if region == "" {
			region = "cn-north-1"
		}
	case partition == "aws-us-gov" && region == "":
		region = "us-gov-west-1"
	}
	if region == "" {
		return "https://sts." + domain + "/"
	}
	return "https://sts." + region + "." + domain + "/"
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// read reads the answer to a request that succeeded.
func read(body []byte) (Credentials, error) {
	var got struct {
		XMLName xml.Name
		Result  struct {
			Credentials struct {
				AccessKeyID     string `xml:"AccessKeyId"`
				SecretAccessKey string
				SessionToken    string
				Expiration      time.Time
			}
		} `xml:"AssumeRoleWithWebIdentityResult"`
	}
	if err := xml.Unmarshal(body, &got); err != nil {
		return Credentials{}, unusable("it cannot be read", err)
	}
	if got.XMLName != (xml.Name{Space: namespace, Local: "AssumeRoleWithWebIdentityResponse"}) {
		return Credentials{}, unusable("it is not the answer to AssumeRoleWithWebIdentity", nil)
	}
	c := Credentials(got.Result.Credentials)
	if !printable(c.AccessKeyID) || !printable(c.SecretAccessKey) || !printable(c.SessionToken) || c.Expiration.IsZero() {
		return Credentials{}, unusable("a part of the credentials is missing", nil)
	}
	return c, nil
}

// refused words an answer that says no.
func refused(role Role, status int, body []byte) error {
	var got struct {
		XMLName xml.Name
		Error   struct{ Code, Message string }
	}
	if err := xml.Unmarshal(body, &got); err != nil || got.XMLName.Local != "ErrorResponse" || got.Error.Code == "" {
		if status == http.StatusTooManyRequests || status >= 500 {
			return unreachable(fmt.Sprintf("AWS' Security Token Service answered with status %d", status), err)
		}
		return unusable(fmt.Sprintf("it has the status %d", status), err)
	}
	said := api.Excerpt(got.Error.Code + ": " + strings.TrimSpace(got.Error.Message))
	switch code := got.Error.Code; {
	case code == "IDPCommunicationError", code == "Throttling", code == "RequestLimitExceeded", status == http.StatusTooManyRequests, status >= 500:
		return unreachable("AWS did not answer for the role: "+said, nil)
	case code == "ExpiredTokenException":
		return &api.Error{Code: api.ProviderRejected, Message: "AWS takes the ID token of " + role.Account + " for one that has expired: " + said, Hint: "check this machine's clock"}
	}
	return &api.Error{
		Code: api.ProviderRejected, Message: "AWS gives no credentials of " + api.Excerpt(role.ARN) + ": " + said,
		Hint: "the role's trust policy has to name the issuer of " + role.Account + ", its client id and its subject: oauthd account show " + role.Account,
	}
}

func unreachable(message string, cause error) error {
	return (&api.Error{Code: api.ProviderUnreachable, Message: message, Hint: "try again later"}).Because(cause)
}

func unusable(why string, cause error) error {
	return (&api.Error{Code: api.ProviderRejected, Message: "AWS gave no usable answer: " + why, Hint: "check AWS_ENDPOINT_URL_STS if it is set"}).Because(cause)
}
