package login

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"oauthd/daemon/grant"
	"oauthd/daemon/mint"
	"oauthd/ipc/api"
)

// errDeviceNotForClient says that the provider has the device grant, but not for this client or these scopes.
var errDeviceNotForClient = errors.New("the device grant was refused")

// viaDevice is the device authorization grant (RFC 8628): the person agrees in a browser on any device.
func (t *attempt) viaDevice(ctx context.Context, events func(api.LoginEvent)) (done api.LoginEvent, err error) {
	p := t.Provider
	code, err := t.grants.AuthorizeDevice(ctx, grant.DeviceAuthorization{
		Endpoint: p.Endpoints.Device,
		Auth:     t.Auth,
		Scopes:   t.Asked,
		Resource: t.Account.Resource,
	})
	if err != nil {
		var refused *grant.ProviderError
		if errors.As(err, &refused) && (refused.Kind == grant.Configuration || refused.Kind == grant.Unknown) {
			err = fmt.Errorf("%w: %w", errDeviceNotForClient, err)
		}
		return done, t.Words().Cause(ctx, t.Words().Device(err))
	}
	events(api.LoginEvent{
		Event:                   api.EventDevice,
		LoginID:                 t.slot.id,
		UserCode:                code.UserCode,
		VerificationURI:         code.VerificationURI,
		VerificationURIComplete: code.VerificationURIComplete,
		ExpiresAt:               api.Moment(code.Expiry),
	})
	response, err := t.grants.PollDevice(ctx, grant.DevicePoll{
		TokenEndpoint: p.Endpoints.Token,
		Auth:          t.Auth,
		Code:          code,
		Resource:      t.Account.Resource,
		Dialect:       mint.Dialect(p),
		OpenID:        slices.Contains(t.Asked, "openid"),
	})
	if err != nil {
		return done, t.Words().Cause(ctx, t.Words().Device(err))
	}
	t.slot.spend()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ExchangeTimeout)
	defer cancel()
	t.Response = response
	done, err = t.Finish(ctx, t.slot, t.Outcome)
	if err == nil {
		events(done)
	}
	return done, err
}
