package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/config"
	"oauthd/daemon/grant"
	"oauthd/daemon/token"
	"oauthd/daemon/vault"
	"oauthd/ipc/api"
)

// complete learns who it was, and commits the account file and the credential together. nonce is that of the
// authorization request; "" where there was none.
func (t *attempt) complete(ctx context.Context, response grant.Response, nonce string) (done api.LoginEvent, err error) {
	d, p := t.d, t.provider
	tok := response.Token
	tok.RefreshLate = p.RefreshKillsAccessToken
	if tok.Scopes == nil { // RFC 6749 §5.1: as asked for
		tok.Scopes, _ = p.OneResource(t.scopes)
	}
	who, err := t.identify(ctx, tok, nonce)
	if err != nil && t.imported {
		d.log.Info().Err(err).Str("account", t.account.Name).Msg("identity")
		who, err = grant.Identity{}, nil
	}
	if err != nil {
		return done, err
	}
	if err := t.samePerson(who); err != nil {
		return done, err
	}
	c := account.Credential{
		Issuer:             p.Issuer,
		TokenEndpoint:      p.Endpoints.Token,
		RevocationEndpoint: p.Endpoints.Revocation,
		ClientID:           t.auth.ID,
		AuthMethod:         string(t.auth.Method),
		ClientSecret:       t.auth.Secret,
		Key:                t.key,
		RefreshToken:       response.RefreshToken,
		Scopes:             t.granted(tok.Scopes),
		Subject:            who.Subject,
		Email:              who.Email,
		LoggedInAt:         d.now().UTC().Truncate(time.Second),
		RefreshExpiry:      response.RefreshExpiry.UTC().Truncate(time.Second),
	}
	if p.RedirectURIAtRefresh {
		c.RedirectURI = t.redirectURI
	}
	if c.RefreshToken.IsZero() {
		c.AccessToken, c.TokenType, c.Expiry = tok.Access, tok.Type, tok.Expiry
		tok.RefreshLate = true // nothing could refresh it
	}
	if err := t.commit(ctx, c, tok); err != nil {
		return done, err
	}
	t.keepRegistration(ctx)
	t.warn(c, tok)
	return api.LoginEvent{
		Event:         api.EventDone,
		Email:         c.Email,
		Subject:       c.Subject,
		Provider:      p.Name,
		Grant:         string(t.account.Grant),
		ScopesGranted: c.Scopes,
		ScopesDenied:  p.Covers(c.Scopes, t.account.Scopes),
		ScopesExtra:   p.Covers(t.scopes, c.Scopes),
		Warnings:      t.warnings,
	}, nil
}

// granted returns what the login brought: the scopes of its first token, and those consented to along with them that
// take a token of their own.
func (t *attempt) granted(first []string) []string {
	all := slices.Clone(first)
	one, _ := t.provider.OneResource(t.scopes)
	for _, scope := range t.scopes {
		if !slices.Contains(one, scope) {
			all = append(all, scope)
		}
	}
	return all
}

// identify reads who logged in from the ID token, else from userinfo. A wrong ID token ends the login; a userinfo
// endpoint that does not answer does not.
func (t *attempt) identify(ctx context.Context, tok account.Token, nonce string) (grant.Identity, error) {
	if tok.Access.IsZero() { // nothing of the answer can be used
		return grant.Identity{}, nil
	}
	if !tok.IDToken.IsZero() {
		if !slices.Contains(t.scopes, "openid") {
			nonce = ""
		}
		who, _, err := t.d.grants.VerifyIDToken(ctx, tok.IDToken, grant.Expect{
			Provider: t.provider, ClientID: t.auth.ID, Nonce: nonce, Now: t.d.now(),
		})
		if _, passing := transient(err); passing {
			return who, t.exchangeProblem(err)
		}
		if err != nil {
			return who, (&api.Error{Code: api.LoginFailed, Message: "the provider's ID token is not for this login: " + err.Error(),
				Hint: "check issuer and client id, and this machine's clock"}).Because(err)
		}
		if who.Email != "" || t.provider.Endpoints.Userinfo == "" || !slices.Contains(tok.Scopes, "email") {
			return who, nil
		}
		more, err := t.d.grants.Userinfo(ctx, t.provider.Endpoints.Userinfo, tok.Access, t.provider)
		if err == nil && more.Subject == who.Subject { // OpenID Connect Core §5.3.2
			who.Email = more.Email
		}
		return who, nil
	}
	if t.provider.Endpoints.Userinfo == "" {
		return grant.Identity{}, nil
	}
	who, err := t.d.grants.Userinfo(ctx, t.provider.Endpoints.Userinfo, tok.Access, t.provider)
	if err != nil {
		t.d.log.Info().Err(err).Str("account", t.account.Name).Msg("userinfo")
		return grant.Identity{}, nil
	}
	return who, nil
}

// samePerson refuses another person than the one whose account it is, and, as nobody could tell, one that the provider
// does not name this time.
func (t *attempt) samePerson(who grant.Identity) error {
	before := t.before
	if before.Subject == "" || before.Issuer != t.provider.Issuer || who.Subject == before.Subject || t.force {
		return nil
	}
	now := cmp.Or(who.Email, who.Subject, "somebody the provider does not name")
	return &api.Error{
		Code: api.SubjectMismatch,
		Message: fmt.Sprintf("%s belongs to %s, and now %s logged in", t.account.Name,
			cmp.Or(before.Email, before.Subject), now),
		Hint: fmt.Sprintf("oauthd login %s --force accepts the change; another account name keeps both", t.account.Name),
	}
}

// commit stores the credential and the account's file together: when the file cannot be written the store gets back
// what it had.
func (t *attempt) commit(ctx context.Context, c account.Credential, tok account.Token) error {
	d, name := t.d, t.account.Name
	unlock, err := d.vault.Lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	// What was spent for it cannot be had again.
	if !d.logins.current(name, t.login) && (!t.spent || !d.logins.wanted(t.login)) {
		return errSuperseded
	}
	undo := func() error { return nil }
	if !selfContained(t.account) {
		if undo, err = t.replace(ctx, c); err != nil {
			return err
		}
	}
	if t.account.Managed {
		if _, err := config.WriteAccount(d.cfg.Dir, t.account); err != nil {
			if t.spent {
				return t.fileMissing(err)
			}
			return (&api.Error{
				Code:    api.ConfigInvalid,
				Message: fmt.Sprintf("%s cannot be written, so the login was not kept", config.AccountFile(d.cfg.Dir, name)),
				Hint:    "make that directory writable, then log in again",
			}).Because(errors.Join(err, undo()))
		}
	}
	d.reread()
	d.tokens.Drop(name)
	if !tok.Access.IsZero() {
		d.tokens.Put(token.Key{Account: name}, tok)
		d.newToken(token.Key{Account: name}, tok)
	}
	d.setFacts(name, factsOf(c))
	return nil
}

// replace stores c, and returns how to put back what the store had. The caller holds the record's lock.
func (t *attempt) replace(ctx context.Context, c account.Credential) (undo func() error, err error) {
	d, name := t.d, t.account.Name
	// What is kept now, not when the login began: a refresh may have rotated it since.
	before, err := d.vault.Load(ctx, name)
	fresh := errors.Is(err, vault.ErrNoCredential) || errors.Is(err, vault.ErrUnreadable)
	if err != nil && !fresh {
		return nil, d.storeProblem(err)
	}
	undo = func() error {
		if fresh {
			return d.vault.Delete(ctx, name)
		}
		return d.vault.Rotate(ctx, name, before)
	}
	c.Generation = before.Generation
	if err := t.save(ctx, c); err != nil {
		return nil, d.storeProblem(errors.Join(err, undo())) // a store may keep what it says it did not
	}
	return undo, nil
}

// save stores c; where it is the only valid credential there is, a store that fails does not lose it.
func (t *attempt) save(ctx context.Context, c account.Credential) error {
	if !t.spent {
		return t.d.vault.Save(ctx, t.account.Name, c)
	}
	if err := t.d.vault.Rotate(ctx, t.account.Name, c); err != nil {
		t.d.log.Error().Err(err).Str("account", t.account.Name).Bool("degraded", true).Msg("state")
		t.warnings = append(t.warnings, "the store did not take the credential: "+t.d.storeProblem(err).Message+
			". It is kept in memory and saved as soon as the store takes it; do not stop the daemon before oauthd status says so")
	}
	return nil
}

// warn collects what the person should know of a login that did succeed.
func (t *attempt) warn(c account.Credential, tok account.Token) {
	if missing := t.provider.Covers(c.Scopes, t.account.Scopes); len(missing) > 0 {
		t.warnings = append(t.warnings, "not granted: "+strings.Join(missing, " "))
	}
	if extra := t.provider.Covers(t.scopes, c.Scopes); len(extra) > 0 && !t.imported {
		t.warnings = append(t.warnings, "granted though not asked for: "+strings.Join(extra, " "))
	}
	if !c.RefreshToken.IsZero() || !t.account.Grant.Interactive() {
		return
	}
	why := t.provider.NoRefreshToken
	switch {
	case why != "":
	case t.provider.OfflineScope != "":
		why = fmt.Sprintf("%s gave no refresh token although %s was asked for; the client may not be allowed to have one",
			t.provider.Name, t.provider.OfflineScope)
	default:
		why = fmt.Sprintf("%s gave no refresh token; some providers want a scope for it, or the client set up for it", t.provider.Name)
	}
	if tok.Expiry.IsZero() {
		why += ". The access token is kept, and works until it is revoked"
	} else {
		why += fmt.Sprintf(". The access token is kept until it ends at %s; then a new login is needed",
			tok.Expiry.Local().Format("15:04 on 2 January"))
	}
	t.warnings = append(t.warnings, why)
}
