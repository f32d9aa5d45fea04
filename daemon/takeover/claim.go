package takeover

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"oauthd/daemon/account"
	"oauthd/daemon/foreign"
	"oauthd/daemon/login"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// importName makes a name for the account: the other tool's, the person's, or the provider's.
func importName(f foreign.Found, r api.ImportRequest) string {
	person, _, _ := strings.Cut(f.Email, "@")
	for _, candidate := range []string{
		f.Name, person, r.Provider, f.Provider, hostOf(r.Issuer), hostOf(f.Issuer), hostOf(f.TokenURI),
	} {
		name := strings.Map(func(c rune) rune {
			switch {
			case c >= 'A' && c <= 'Z':
				return c + 'a' - 'A'
			case c >= 'a' && c <= 'z', c >= '0' && c <= '9', strings.ContainsRune("._+-", c):
				return c
			}
			return '-'
		}, candidate)
		name = strings.Trim(name[:min(len(name), 63)], "._+-")
		if account.CheckName(name) == nil {
			return name
		}
	}
	return ""
}

// claim takes the account's name: that of a new account, or of one that waits for a login of this very client. One that
// holds somebody's login is not overwritten, not even an ended one: who the refresh token stands for shows only when it
// has been spent, and then there is no way back.
func (t *takeover) claim(ctx context.Context) error {
	name := t.out.Account.Name
	t.book.Refresh(ctx, name)
	a, known := t.book.Configured(name)
	if !known {
		return t.book.Free(ctx, name)
	}
	f, err := t.book.Facts(ctx, name)
	switch {
	case err != nil:
		return t.store.Problem(err)
	case f.LoggedIn && !f.Dead:
		return &api.Error{
			Code:    api.BadRequest,
			Message: fmt.Sprintf("account %s is there already, and is logged in", name),
			Hint:    "oauthd account show " + name + " shows who it is; --as NAME is for another login, never for one that was imported before",
		}
	case f.LoggedIn && f.Subject != "":
		return &api.Error{
			Code:    api.BadRequest,
			Message: fmt.Sprintf("account %s still holds the ended login of %s", name, cmp.Or(f.Email, f.Subject)),
			Hint:    fmt.Sprintf("oauthd logout %s forgets it; or --as NAME makes another account", name),
		}
	case a.Grant != t.out.Account.Grant && !(a.Grant.Interactive() && t.out.Account.Grant.Interactive()):
		return t.taken("is there already, with another grant")
	case t.out.Account.ClientID != "" && t.out.Account.ClientID != a.ClientID:
		return t.taken("is there already, with another client")
	}
	return t.adopt(a)
}

// adopt makes a, which is configured, the account that the import fills.
func (t *takeover) adopt(a account.Account) error {
	p, i := t.request.Provider, t.request.Issuer
	if p != "" && p != a.Provider || i != "" && i != a.Issuer {
		return t.taken("is there already, at another provider")
	}
	before := a
	a.Scopes = slices.Clone(a.Scopes)
	for _, scope := range t.request.Scopes {
		if !slices.Contains(a.Scopes, scope) {
			a.Scopes = append(a.Scopes, scope)
		}
	}
	if err := login.CheckManaged(before, a); err != nil {
		return err
	}
	t.out.Account, t.known = a, true
	return nil
}

func (t *takeover) taken(how string) error {
	return words.Taken(t.out.Account.Name, how)
}
