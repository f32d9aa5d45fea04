package login

import (
	"cmp"
	"context"
	"errors"

	"oauthd/daemon/provider"
	"oauthd/ipc/api"
)

// useMetadata takes the client that a document describes which the person hosts: its URL is the client's id
// (draft-ietf-oauth-client-id-metadata-document). used is false if there is none, if the issuer does not take it, or if it
// refused it before and there is another way.
//
// That refusal is part of the registration at the issuer: it is known to the daemon at once, and comes to the store with the
// first login that succeeds as the registered client. So it takes no record of its own, and counts for good only once the
// other way has proved to be one. A login that names the document has it tried again, and forgets the refusal if it succeeds.
func (t *attempt) useMetadata(ctx context.Context) (used bool, err error) {
	id := cmp.Or(t.Account.ClientIDMetadata, t.book.Config().ClientIDMetadata)
	if id == "" || !t.Provider.ClientIDMetadata {
		return false, nil
	}
	known, err := t.knownRegistration(ctx)
	if err != nil {
		return false, err
	}
	if t.refused == id && t.named {
		known.RefusedMetadata, t.refused = "", ""
		t.registered.put(known)
		t.Registered = known.ClientID != "" // so that the store forgets it, too
	}
	if t.refused == id && t.canRegister(known.ClientID) {
		return false, nil
	}
	t.client, t.Auth.ID, t.Auth.Method = clientOfMetadata, id, provider.AuthNone
	return true, nil
}

// afterMetadata settles what comes after err, with which a login as the client of a document has ended. If it is that client
// which the issuer refused, another one takes its place, and another is true. An issuer that cannot read the document, or
// that compares its redirect URIs with their ports, may as well show that in the browser and send nobody back, so that a
// time-out is taken for a refusal at the next login.
func (t *attempt) afterMetadata(ctx context.Context, err error) (another bool, _ error) {
	timedOut := errors.Is(err, &api.Error{Code: api.LoginTimeout})
	if !timedOut && !clientRefused(err) {
		return false, err
	}
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTimeout)
	defer cancel()
	known, unknown := t.knownRegistration(own)
	next := unknown == nil && t.canRegister(known.ClientID)
	err = t.Words().Metadata(err, t.Auth.ID, t.redirectURIs()[0], next)
	if !next {
		return false, err
	}
	known.RefusedMetadata, t.refused = t.Auth.ID, t.Auth.ID
	t.registered.put(known)
	t.log.Info().Str("account", t.Account.Name).Str("issuer", t.Provider.Issuer).Str("client_id", t.Auth.ID).Bool("timeout", timedOut).
		Msg("the issuer does not take the client id metadata document, registering a client instead")
	if ctx.Err() != nil {
		return false, err
	}
	t.Registered = false
	if err := t.useRegistration(ctx); err != nil {
		return false, t.Words().Cause(ctx, err)
	}
	return true, nil
}

// canRegister reports whether the issuer has registered a client, registered, or would.
func (t *attempt) canRegister(registered string) bool {
	return registered != "" || t.Provider.RegistrationEndpoint != ""
}
