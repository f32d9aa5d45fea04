package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"oauthd/daemon/grant"
	"oauthd/ipc/api"
)

// errDeviceNotForClient says that the provider has the device grant, but not for this client or these scopes.
var errDeviceNotForClient = errors.New("the device grant was refused")

// viaDevice is the device authorization grant (RFC 8628): the person agrees in a browser on any device.
func (t *attempt) viaDevice(ctx context.Context, events func(api.LoginEvent)) (done api.LoginEvent, err error) {
	p := t.provider
	code, err := t.d.grants.AuthorizeDevice(ctx, grant.DeviceAuthorization{
		Endpoint: p.Endpoints.Device,
		Auth:     t.auth,
		Scope:    strings.Join(t.scopes, " "),
		Resource: t.account.Resource,
	})
	if err != nil {
		var refused *grant.ProviderError
		if errors.As(err, &refused) && (refused.Kind == grant.Configuration || refused.Kind == grant.Unknown) {
			err = fmt.Errorf("%w: %w", errDeviceNotForClient, err)
		}
		return done, t.cause(ctx, t.deviceProblem(err))
	}
	events(api.LoginEvent{
		Event:                   api.EventDevice,
		LoginID:                 t.login.id,
		UserCode:                code.UserCode,
		VerificationURI:         code.VerificationURI,
		VerificationURIComplete: code.VerificationURIComplete,
		ExpiresAt:               moment(code.Expiry),
	})
	response, err := t.d.grants.PollDevice(ctx, grant.DevicePoll{
		TokenEndpoint: p.Endpoints.Token,
		Auth:          t.auth,
		Code:          code,
		Resource:      t.account.Resource,
		Dialect:       dialect(p),
	})
	if err != nil {
		return done, t.cause(ctx, t.deviceProblem(err))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), exchangeTimeout)
	defer cancel()
	done, err = t.complete(ctx, response, "")
	if err == nil {
		events(done)
	}
	return done, err
}

// deviceProblem words what ended a device login.
func (t *attempt) deviceProblem(err error) error {
	name := t.provider.Name
	switch {
	case errors.Is(err, grant.ErrDeviceDenied):
		return (&api.Error{Code: api.LoginDenied, Message: "the login was denied at " + name, Hint: t.again()}).Because(err)
	case errors.Is(err, grant.ErrDeviceExpired):
		return (&api.Error{Code: api.LoginTimeout, Message: "the code has expired before anybody entered it at " + name, Hint: t.again()}).Because(err)
	}
	return t.exchangeProblem(err)
}
