package grant

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

// These end a device authorization without a token. An error of [Client.PollDevice] that wraps one also wraps the
// *[ProviderError] if the provider said so.
var (
	// ErrDeviceExpired means that nobody entered the code in time (RFC 8628 §3.5, expired_token).
	ErrDeviceExpired = errors.New("the device code has expired")
	// ErrDeviceDenied means that the person said no (RFC 8628 §3.5, access_denied).
	ErrDeviceDenied = errors.New("the person refused")
)

const deviceGrantType = "urn:ietf:params:oauth:grant-type:device_code"

const (
	// deviceInterval and slowDown are RFC 8628's (§3.2, §3.5), deviceLifetime stands in for a missing expires_in.
	deviceInterval = 5 * time.Second
	slowDown       = 5 * time.Second
	deviceLifetime = 15 * time.Minute
	// maxDeviceWait caps the back-off, but not what a provider asks for. devicePause is how long to sleep without looking
	// at the clock, which may have jumped.
	maxDeviceWait = time.Minute
	devicePause   = 15 * time.Second
)

// DeviceAuthorization is a device authorization request (RFC 8628 §3.1).
type DeviceAuthorization struct {
	Endpoint string
	Auth     ClientAuth
	// Scopes are what to ask for; nil lets the provider choose.
	Scopes []string
	// Resource is a resource indicator (RFC 8707 §2); "" for none.
	Resource string
}

// DeviceCode is a device authorization response (RFC 8628 §3.2). What the person sees is printable ASCII.
type DeviceCode struct {
	Code     account.Secret
	UserCode string
	// VerificationURI is where the person enters UserCode; it passes [provider.CheckURL].
	VerificationURI string
	// VerificationURIComplete contains UserCode too; "" if the provider gives none that passes [provider.CheckURL].
	VerificationURIComplete string
	// Expiry is wall time, counted from before the request was sent; 15 minutes if the provider does not say.
	Expiry time.Time
	// Interval is the least time between two polls, at least a second; 5 s if the provider does not say.
	Interval time.Duration
}

// AuthorizeDevice asks for a device code. Errors are *[ProviderError].
func (c *Client) AuthorizeDevice(ctx context.Context, d DeviceAuthorization) (DeviceCode, error) {
	form := url.Values{}
	setAll(form, "scope", strings.Join(d.Scopes, " "), "resource", d.Resource)
	a, fail := c.post(ctx, "device authorization request", d.Endpoint, d.Auth, form)
	if fail != nil {
		return DeviceCode{}, fail
	}
	code, fail := a.deviceCode()
	if fail != nil {
		return DeviceCode{}, fail
	}
	return code, nil
}

// deviceCode reads the answer to a device authorization request.
func (a Answer) deviceCode() (DeviceCode, *ProviderError) {
	members, fail := a.Members()
	if fail != nil {
		return DeviceCode{}, fail
	}
	code := DeviceCode{
		Code:     account.NewSecret(members.Text("device_code")),
		UserCode: members.Text("user_code"),
		// Google wrote verification_url before there was an RFC, and still does.
		VerificationURI:         members.first("verification_uri", "verification_url"),
		VerificationURIComplete: members.first("verification_uri_complete", "verification_url_complete"),
	}
	switch {
	case code.Code.IsZero():
		return DeviceCode{}, a.Fail(Unknown, "the answer has no device_code")
	case strings.TrimSpace(code.UserCode) == "":
		return DeviceCode{}, a.Fail(Unknown, "the answer has no user_code")
	case len(code.UserCode) > 64 || strings.ContainsFunc(code.UserCode, notPrintable):
		return DeviceCode{}, a.Fail(Unknown, "the answer's user_code cannot be shown")
	}
	if err := provider.CheckURL(code.VerificationURI); err != nil {
		return DeviceCode{}, a.Fail(Unknown, "the answer's verification_uri: "+err.Error())
	}
	if provider.CheckURL(code.VerificationURIComplete) != nil {
		code.VerificationURIComplete = ""
	}
	lifetime := a.life(members, "expires_in").lifetime
	if lifetime <= 0 {
		lifetime = deviceLifetime
	}
	interval, err := members.Seconds("interval")
	if err != nil || interval == 0 {
		interval = deviceInterval
	}
	code.Expiry = a.Expiry(lifetime)
	code.Interval = max(interval, time.Second)
	return code, nil
}

// DevicePoll is the token request of the device grant (RFC 8628 §3.4), repeated until there is an answer.
type DevicePoll struct {
	TokenEndpoint string
	Auth          ClientAuth
	Code          DeviceCode
	// Resource is a resource indicator (RFC 8707 §2.2); "" for none.
	Resource string
	// Dialect is how the provider answers.
	Dialect Dialect
	// OpenID is that of [Exchange].
	OpenID bool
}

// PollDevice asks for the token until the person has decided or the code has expired. It first waits for the interval,
// lengthens it if the provider asks for that, and backs off if the provider cannot be reached or is in trouble (RFC
// 8628 §3.5).
//
// Errors wrap [ErrDeviceDenied] or [ErrDeviceExpired], or are a *[ProviderError] that is not transient; along with one
// the response may hold a refresh token. When ctx ends, PollDevice returns at once with its error.
func (c *Client) PollDevice(ctx context.Context, p DevicePoll) (Response, error) {
	const op = "device token request"
	interval := p.Code.Interval
	if interval <= 0 {
		interval = deviceInterval
	}
	wait, backoff := interval, interval
	for {
		if err := c.pause(ctx, wait, p.Code.Expiry); err != nil {
			return Response{}, fmt.Errorf("%s to %s: %w", op, place(p.TokenEndpoint), err)
		}
		form := url.Values{
			"grant_type":  {deviceGrantType},
			"device_code": {p.Code.Code.Reveal()},
		}
		setAll(form, "resource", p.Resource)
		resp, asked, fail := c.pollOnce(ctx, op, p, form)
		if fail == nil {
			return resp, nil
		}
		if !resp.RefreshToken.IsZero() {
			return resp, fail
		}
		retryAfter, transient := fail.Transient()
		switch code := fail.Code; {
		case code == "authorization_pending":
			interval = max(interval, asked)
			wait, backoff = max(interval, retryAfter), interval
		case code == "slow_down":
			interval = max(interval+slowDown, asked)
			wait, backoff = max(interval, retryAfter), interval
		case code == "access_denied", code == "authorization_declined": // the latter is Microsoft's
			return Response{}, fmt.Errorf("%w: %w", ErrDeviceDenied, fail)
		case code == "expired_token":
			return Response{}, fmt.Errorf("%w: %w", ErrDeviceExpired, fail)
		case transient:
			backoff = max(interval, min(2*backoff, maxDeviceWait))
			wait = max(backoff, retryAfter)
		default:
			return Response{}, fail
		}
	}
}

// pollOnce makes one token request; asked is the interval that a refusal names, 0 for none.
func (c *Client) pollOnce(
	ctx context.Context, op string, p DevicePoll, form url.Values,
) (resp Response, asked time.Duration, fail *ProviderError) {
	a, fail := c.ask(ctx, op, p.TokenEndpoint, p.Auth, form)
	if fail != nil {
		return Response{}, 0, fail
	}
	resp, fail = a.token(p.Dialect, p.OpenID)
	if fail == nil {
		return resp, 0, nil
	}
	// GitHub sends the new interval with slow_down.
	members, _ := parseMembers(a.Header.Get("Content-Type"), a.Body)
	asked, _ = members.Seconds("interval")
	return Response{RefreshToken: resp.RefreshToken}, asked, fail
}

// pause waits for d. It ends early with ctx's error, or with [ErrDeviceExpired] once the wall clock passes expiry; a
// zero expiry never comes.
func (c *Client) pause(ctx context.Context, d time.Duration, expiry time.Time) error {
	for {
		slice := min(d, devicePause)
		if !expiry.IsZero() {
			left := expiry.Sub(c.Clock())
			if left <= 0 {
				return ErrDeviceExpired
			}
			slice = min(slice, left)
		}
		if d <= 0 {
			return nil
		}
		timer := time.NewTimer(slice)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		d -= slice
	}
}
