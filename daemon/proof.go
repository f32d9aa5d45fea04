package daemon

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"oauthd/daemon/config"
	"oauthd/daemon/grant"
	"oauthd/ipc/api"
)

// prove spends the refresh token once. Where the answer was lost, or brought a new refresh token and nothing else of use,
// it asks once more. The response has the refresh token to keep, next to an error too. Each request has a time limit of
// its own, and ctx should have none: what the provider has done must become known.
func (t *takeover) prove(ctx context.Context) (grant.Response, error) {
	p, current := t.provider, t.found.RefreshToken
	for again := false; ; again = true {
		r, err := t.d.grants.Refresh(ctx, grant.Refresh{
			TokenEndpoint: p.Endpoints.Token,
			Auth:          t.auth,
			RefreshToken:  current,
			Scope:         oneResource(p, t.scopes),
			Resource:      t.account.Resource,
			Dialect:       dialect(p),
		})
		fresh := !r.RefreshToken.IsZero() && !r.RefreshToken.Equal(current)
		if fresh {
			current, t.spent = r.RefreshToken, true
		}
		r.RefreshToken = current
		var refused *grant.ProviderError
		if again || !errors.As(err, &refused) || !refused.Ambiguous && !fresh {
			return r, err
		}
		t.d.log.Warn().Err(err).Str("account", t.account.Name).Msg("no usable answer to an import, asking once more")
		if pause(ctx, lostPause+rand.N(lostPause)) != nil {
			return r, err
		}
	}
}

// proofProblem words a refresh token that did not prove itself.
func (t *takeover) proofProblem(err error) error {
	name := t.provider.Name
	const kept = "; nothing was imported, and the file is as it was"
	var refused *grant.ProviderError
	if !errors.As(err, &refused) {
		return err
	}
	e := &api.Error{Code: api.ProviderRejected, Message: fmt.Sprintf("%s gave no usable answer: %s%s", name, said(refused), kept),
		Hint: "the daemon's log has the detail"}
	switch {
	case refused.Kind == grant.LoginRequired:
		e.Code = api.LoginRequired
		e.Message = fmt.Sprintf("%s does not take this refresh token any more (%s)%s", name, said(refused), kept)
		e.Hint = t.loginLine()
	case refused.Ambiguous:
		e.Code = api.ProviderUnreachable
		e.Message = fmt.Sprintf("%s may have used the refresh token, and its answer was lost: %s%s", name, said(refused), kept)
		e.Hint = "import it again soon; where that is refused, " + t.loginLine()
	case refused.Kind == grant.Transient:
		e.Code, e.RetryAfter = api.ProviderUnreachable, seconds(refused.RetryAfter)
		e.Message = fmt.Sprintf("%s cannot be asked now: %s%s", name, said(refused), kept)
		e.Hint = "try again later"
	case refused.Kind == grant.Configuration:
		e.Message = fmt.Sprintf("%s refused the request: %s%s", name, said(refused), kept)
		e.Hint = "check that client id and client secret are those the refresh token was given to; --client-id and --client-secret-stdin say " +
			"them; another way to authenticate goes with the provider into config.toml"
	}
	return e.Because(err)
}

// loginLine is the command that logs in what could not be imported.
func (t *takeover) loginLine() string {
	line := "oauthd login " + t.account.Name
	if t.known {
		return line
	}
	if t.account.Provider != "" {
		line += " --provider " + t.account.Provider
	} else if t.account.Issuer != "" {
		line += " --issuer " + t.account.Issuer
	}
	line += " --client-id " + t.auth.ID
	if !t.auth.Secret.IsZero() {
		line += " --client-secret-stdin"
	}
	for _, scope := range t.account.Scopes {
		line += " --scope " + scope
	}
	return line
}

// writable tells, before the refresh token is spent, whether the account's file can be written where that is the
// daemon's to do.
func (t *takeover) writable() error {
	if !t.account.Managed {
		return nil
	}
	file := config.AccountFile(t.d.cfg.Dir, t.account.Name)
	dir := filepath.Dir(file)
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		dir = filepath.Dir(dir)
	}
	probe, err := os.CreateTemp(dir, ".tmp-*")
	if err == nil {
		err = errors.Join(probe.Close(), os.Remove(probe.Name()))
	}
	if err == nil || errors.Is(err, os.ErrNotExist) { // the directory is made with the file
		return nil
	}
	return (&api.Error{Code: api.ConfigInvalid, Message: file + " cannot be written, so nothing was imported",
		Hint: "make that directory writable, then try again"}).Because(err)
}

// fileMissing tells of an account whose credential is kept and whose file could not be written.
func (t *attempt) fileMissing(err error) error {
	file := config.AccountFile(t.d.cfg.Dir, t.account.Name)
	e := &api.Error{Code: api.ConfigInvalid, Message: file + " cannot be written; the credential is in the store all the same",
		Hint: "make that directory writable, then write the file by hand"}
	if text, failed := config.Encode(t.account); failed == nil {
		e.Hint = "make that directory writable and write there: " + strings.Join(strings.Split(strings.TrimSpace(string(text)), "\n"), "; ")
	}
	return e.Because(err)
}

// hostOf returns the host of a URL, "" for none.
func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Host
}

// originOfURL returns scheme and host of a URL.
func originOfURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
