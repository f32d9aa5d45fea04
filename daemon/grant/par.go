package grant

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// PushedAuthorization is a pushed authorization request (RFC 9126 §2.1).
type PushedAuthorization struct {
	Endpoint string
	Auth     ClientAuth
	// Parameters are those of the authorization request; client_id is added to a copy.
	Parameters url.Values
}

// PushAuthorization sends an authorization request to the provider and returns the request_uri that stands for it in
// the browser, along with client_id only (RFC 9126 §4). It can be used once, until expiry, which is zero if the
// provider does not say. Errors are *[ProviderError].
func (c *Client) PushAuthorization(
	ctx context.Context, p PushedAuthorization,
) (requestURI string, expiry time.Time, err error) {
	const op = "pushed authorization request"
	wrong := func(reason string) error {
		return &ProviderError{Kind: Configuration, Op: op, Endpoint: place(p.Endpoint), Reason: reason}
	}
	if p.Parameters.Has("request_uri") {
		return "", time.Time{}, wrong("a request_uri cannot itself be pushed")
	}
	form := url.Values{}
	maps.Copy(form, p.Parameters)
	header := wants("application/x-www-form-urlencoded")
	if err := p.Auth.apply(form, header, p.Endpoint, c.Clock()); err != nil {
		return "", time.Time{}, wrong(err.Error())
	}
	// It is a parameter of the authorization request too, so it is sent even with HTTP Basic.
	form.Set("client_id", p.Auth.ID)
	a, fail := c.submit(ctx, op, p.Endpoint, p.Auth, form, header)
	if fail != nil {
		return "", time.Time{}, fail
	}
	requestURI, expiry, fail = a.pushed()
	if fail != nil {
		return "", time.Time{}, fail
	}
	return requestURI, expiry, nil
}

// pushed reads the answer to a pushed authorization request (RFC 9126 §2.2).
func (a Answer) pushed() (requestURI string, expiry time.Time, fail *ProviderError) {
	members, fail := a.Members()
	if fail != nil {
		return "", time.Time{}, fail
	}
	requestURI = members.Text("request_uri")
	switch u, err := url.Parse(requestURI); {
	case a.Status != http.StatusCreated && a.Status != http.StatusOK:
		return "", time.Time{}, a.Fail(Unknown, "the answer's status is not 201")
	case requestURI == "":
		return "", time.Time{}, a.Fail(Unknown, "the answer has no request_uri")
	case err != nil, !u.IsAbs(), len(requestURI) > 2048, strings.ContainsFunc(requestURI, notGraphic):
		return "", time.Time{}, a.Fail(Unknown, "the answer's request_uri is not a URI")
	}
	if l := a.life(members, "expires_in"); l.known && l.lifetime > 0 {
		expiry = a.Expiry(l.lifetime)
	}
	return requestURI, expiry, nil
}

func notGraphic(r rune) bool { return r <= 0x20 || r > 0x7e }
