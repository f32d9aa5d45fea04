package login

import (
	"cmp"
	"context"
	"slices"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/words"
)

// identify reads who logged in from the ID token, else from userinfo. A wrong ID token ends the login; a userinfo
// endpoint that does not answer does not.
func (t *finish) identify(ctx context.Context, tok account.Token) (grant.Identity, error) {
	if tok.Access.IsZero() { // nothing of the answer can be used
		return grant.Identity{}, nil
	}
	if !tok.IDToken.IsZero() {
		nonce := t.Nonce
		if !slices.Contains(t.Asked, "openid") {
			nonce = ""
		}
		who, _, err := t.grants.VerifyIDToken(ctx, tok.IDToken, grant.Expect{
			Provider: t.Provider, ClientID: t.Auth.ID, Nonce: nonce, Now: t.now(),
		})
		if _, passing := words.Transient(err); passing {
			return who, t.Words().Exchange(err)
		}
		if err != nil {
			return who, t.Words().WrongIDToken(err)
		}
		if who.Email != "" || t.Provider.Endpoints.Userinfo == "" || !slices.Contains(tok.Scopes, "email") {
			return who, nil
		}
		more, err := t.grants.Userinfo(ctx, t.Provider.Endpoints.Userinfo, tok, t.Provider)
		if err == nil && more.Subject == who.Subject { // OpenID Connect Core §5.3.2
			who.Email = more.Email
		}
		return who, nil
	}
	if t.Provider.Endpoints.Userinfo == "" {
		return grant.Identity{}, nil
	}
	who, err := t.grants.Userinfo(ctx, t.Provider.Endpoints.Userinfo, tok, t.Provider)
	if err != nil {
		t.log.Info().Err(err).Str("account", t.Account.Name).Msg("userinfo")
		return grant.Identity{}, nil
	}
	return who, nil
}

// samePerson refuses another person than the one whose account it is, and, as nobody could tell, one that the provider
// does not name this time.
func (t *finish) samePerson(who grant.Identity) error {
	before := t.Before
	if before.Subject == "" || before.Issuer != t.Provider.Issuer || who.Subject == before.Subject || t.AnyPerson {
		return nil
	}
	return t.Words().OtherPerson(cmp.Or(before.Email, before.Subject), cmp.Or(who.Email, who.Subject))
}
