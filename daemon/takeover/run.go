package takeover

import (
	"context"

	"oauthd/daemon/account"
	"oauthd/daemon/foreign"
	"oauthd/daemon/login"
	"oauthd/daemon/mint"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// run does what a login does after its browser has come back.
func (t *takeover) run(ctx context.Context, events func(api.ImportEvent)) (done api.LoginEvent, err error) {
	if err := t.ready(ctx); err != nil {
		return done, t.out.Words().Cause(ctx, err)
	}
	events(t.event())
	if t.found.Kind == foreign.KindKey {
		return t.proveKey(ctx)
	}
	if ctx.Err() != nil {
		return done, t.out.Words().Cause(ctx, ctx.Err())
	}
	// The refresh token may be spent from here on: who goes away can no longer stop this.
	response, failure := t.prove(context.WithoutCancel(ctx))
	if failure != nil && !t.out.Irreplaceable {
		return done, t.words().Refused(failure)
	}
	if len(t.out.Account.Scopes) == 0 {
		t.out.Account.Scopes = response.Scopes
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), login.ExchangeTimeout)
	defer cancel()
	t.out.Response = response
	done, err = t.logins.Finish(ctx, t.slot, t.out)
	if err == nil && failure != nil {
		err = t.words().UnusableAnswer(t.out.Account.Name, failure)
	}
	if err == nil && t.out.Irreplaceable {
		t.log.Info().Str("account", t.out.Account.Name).Msg("the provider has rotated the imported refresh token")
	}
	return done, err
}

// ready finds out all that is needed before the refresh token is sent.
func (t *takeover) ready(ctx context.Context) error {
	if err := t.slot.Wait(ctx); err != nil {
		return err
	}
	if err := t.vault.Probe(ctx); err != nil {
		return t.store.Problem(err)
	}
	if err := t.claim(ctx); err != nil { // the login before may have been done
		return err
	}
	if err := t.place(ctx); err != nil {
		return err
	}
	if t.found.Kind == foreign.KindKey {
		return t.writable()
	}
	if t.out.Account.ClientID == "" {
		message := "the client that the refresh token belongs to is not known"
		if t.found.NoClient != "" {
			message = t.found.NoClient
		}
		return &api.Error{Code: api.BadRequest, Message: message,
			Hint: "pass --client-id ID, with --client-secret-stdin if the client has a secret"}
	}
	if t.out.Provider.RedirectURIAtRefresh && t.request.RedirectURI == "" {
		return words.RedirectURIWanted(t.out.Provider.Name)
	}
	t.out.RedirectURI = t.request.RedirectURI
	var err error
	if t.out.Auth, t.out.Key, err = mint.Pin(t.out.Account, t.out.Provider, mint.Given{Secret: t.secret}, account.Credential{}); err != nil {
		return err
	}
	return t.writable()
}
