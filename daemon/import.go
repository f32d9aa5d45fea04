package daemon

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"

	"oauthd/daemon/account"
	"oauthd/daemon/foreign"
	"oauthd/daemon/provider"
	"oauthd/ipc/api"
)

// takeover is one import: a login whose refresh token another tool has obtained.
type takeover struct {
	attempt
	found   foreign.Found
	request api.ImportRequest
	secret  account.Secret
	// known is true where the account is configured already.
	known bool
}

// Import makes an account of what another tool has saved. The refresh token is proved by one refresh, and what comes of
// it is saved, before the import is done; one that fails before leaves nothing behind. Until the refresh token is sent,
// the end of ctx ends the import; from then on it is carried through.
func (d *Daemon) Import(ctx context.Context, r api.ImportRequest, events func(api.ImportEvent)) error {
	t, err := d.takeover(r)
	if err != nil {
		return err
	}
	name := t.account.Name
	if t.found.Kind == foreign.KindClient {
		return t.client(events)
	}
	leave, err := d.enter()
	if err != nil {
		return err
	}
	defer leave()
	if err := t.claim(ctx); err != nil { // before a login of that name is told to end
		return err
	}
	l := &login{id: rand.Text(), ended: make(chan struct{})}
	ctx, l.cancel = context.WithCancelCause(named(ctx))
	defer l.cancel(nil)
	if err := d.logins.begin(name, l); err != nil {
		return err
	}
	defer d.logins.end(name, l)
	if err := d.locked(); err != nil {
		return err
	}
	t.login = l
	done, err := t.run(ctx, events)
	event := d.log.Info()
	if err != nil {
		event = detail(d.log.Warn(), err)
	}
	event = who(ctx, event).Str("account", name).Str("format", t.found.Format).Str("provider", t.provider.Name)
	if err == nil {
		event = event.Str("email", done.Email).Str("subject", done.Subject).Strs("scopes", done.ScopesGranted)
	}
	event.Msg("import")
	if err != nil {
		return err
	}
	events(api.ImportEvent{
		Event: api.EventDone, Account: name, Provider: done.Provider, Email: done.Email, Subject: done.Subject,
		ScopesGranted: done.ScopesGranted, Rotated: t.spent, Warnings: done.Warnings,
	})
	return nil
}

// takeover reads the data, brings together what it and the request say, and settles the account's name.
func (d *Daemon) takeover(r api.ImportRequest) (*takeover, error) {
	f, err := foreign.Parse([]byte(r.Data))
	if err != nil {
		p := &api.Error{Code: api.ConfigInvalid, Message: err.Error(), Hint: "oauthd import --help lists what can be read"}
		var m *foreign.Mistake
		if errors.As(err, &m) {
			p.Hint = m.Hint
		}
		return nil, p
	}
	t := &takeover{attempt: attempt{d: d, scopes: f.Scopes, imported: true}, found: f, request: r}
	switch {
	case r.Provider != "" && r.Issuer != "":
		return nil, badRequest("leave one out", "give a provider or an issuer, not both")
	case r.Sole && f.Shared != "":
		return nil, badRequest("leave out --delete-source, then remove the credential by the tool that wrote it",
			"the file cannot be removed after the import: %s", f.Shared)
	case r.ClientID != "" && f.ClientID != "" && r.ClientID != f.ClientID:
		return nil, badRequest("leave out --client-id; a refresh token is of use to its own client alone",
			"the refresh token in the file is of another client")
	}
	if r.Issuer != "" {
		if err := provider.CheckIssuer(r.Issuer); err != nil {
			return nil, badRequest("give it as the provider's documentation has it", "issuer: %v", err)
		}
	}
	for _, scope := range r.Scopes {
		if err := checkScope(scope); err != nil {
			return nil, badRequest("scopes are separate words", "%v", err)
		}
	}
	t.secret = f.ClientSecret
	if r.ClientSecret != "" {
		t.secret = account.NewSecret(string(r.ClientSecret))
	}
	t.account = account.Account{
		Name: cmp.Or(r.As, importName(f, r)), ClientID: cmp.Or(r.ClientID, f.ClientID),
		Scopes: slices.Clone(r.Scopes), Grant: account.GrantAuthorizationCode, Managed: true,
	}
	if len(r.Scopes) == 0 {
		t.account.Scopes = slices.Clone(f.Scopes)
	}
	if f.Kind == foreign.KindKey {
		if r.Provider != "" || r.Issuer != "" || r.ClientID != "" || r.ClientSecret != "" {
			return nil, badRequest("leave them out", "a service account's key says by itself what it is of, and has no client")
		}
		t.account.Grant, t.account.ClientID = account.GrantServiceAccount, ""
	}
	if t.account.Name == "" {
		return nil, badRequest("--as NAME names it", "nothing in the file gives the account a name")
	}
	return t, account.CheckName(t.account.Name)
}

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

// client answers data that is a client alone: a login goes on from there.
func (t *takeover) client(events func(api.ImportEvent)) error {
	t.d.reread()
	if _, known := t.d.configured(t.account.Name); known && t.request.As == "" {
		return t.taken("is there already")
	}
	found := t.event()
	found.TokenEndpoint = t.found.TokenURI
	events(found)
	events(api.ImportEvent{Event: api.EventLoginNeeded, Account: t.account.Name})
	return nil
}

func (t *takeover) event() api.ImportEvent {
	return api.ImportEvent{
		Event: api.EventFound, Account: t.account.Name, Grant: string(t.account.Grant), Format: t.found.Format,
		Provider: cmp.Or(t.provider.Name, t.found.Provider),
		Issuer:   t.provider.Issuer, TokenEndpoint: t.provider.Endpoints.Token, ClientID: t.account.ClientID,
		HasSecret: !t.secret.IsZero(), Scopes: t.found.Scopes, Email: t.found.Email,
	}
}

// claim takes the account's name: that of a new account, or of one that waits for a login of this very client. One that
// holds somebody's login is not overwritten, not even an ended one: who the refresh token stands for shows only when it
// has been spent, and then there is no way back.
func (t *takeover) claim(ctx context.Context) error {
	d, name := t.d, t.account.Name
	d.reread()
	a, known := d.configured(name)
	if !known {
		if _, err := d.account(name); err != nil && !errors.Is(err, &api.Error{Code: api.UnknownAccount}) {
			return err // its file is wrong, and would be overwritten
		}
		return nil
	}
	f, err := d.facts(ctx, name)
	switch {
	case err != nil:
		return d.storeProblem(err)
	case f.loggedIn && !f.dead:
		return &api.Error{
			Code:    api.BadRequest,
			Message: fmt.Sprintf("account %s is there already, and is logged in", name),
			Hint:    "oauthd account show " + name + " tells who it is; --as NAME is for another login, never for one that was imported before",
		}
	case f.loggedIn && f.subject != "":
		return &api.Error{
			Code:    api.BadRequest,
			Message: fmt.Sprintf("account %s still holds the ended login of %s", name, cmp.Or(f.email, f.subject)),
			Hint:    fmt.Sprintf("oauthd logout %s forgets it; or --as NAME makes another account", name),
		}
	case a.Grant != t.account.Grant && !(a.Grant.Interactive() && t.account.Grant.Interactive()):
		return t.taken("is there already, with another grant")
	case t.account.ClientID != "" && t.account.ClientID != a.ClientID:
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
	if lines := changedLines(before, a); !a.Managed && len(lines) > 0 {
		return &api.Error{Code: api.ConfigInvalid, Message: a.File + " is yours, so oauthd does not change it",
			Hint: "set there: " + strings.Join(lines, "; ")}
	}
	t.account, t.known = a, true
	return nil
}

func (t *takeover) taken(how string) error {
	return &api.Error{Code: api.BadRequest, Message: fmt.Sprintf("account %s %s", t.account.Name, how),
		Hint: "--as NAME gives the imported one another name"}
}

// run does what a login does after its browser has come back.
func (t *takeover) run(ctx context.Context, events func(api.ImportEvent)) (done api.LoginEvent, err error) {
	if err := t.ready(ctx); err != nil {
		return done, t.cause(ctx, err)
	}
	events(t.event())
	if t.found.Kind == foreign.KindKey {
		return t.proveKey(ctx)
	}
	if ctx.Err() != nil {
		return done, t.cause(ctx, ctx.Err())
	}
	// The refresh token may be spent from here on: who goes away can no longer stop this.
	response, failure := t.prove(context.WithoutCancel(ctx))
	if failure != nil && !t.spent {
		return done, t.proofProblem(failure)
	}
	if len(t.account.Scopes) == 0 {
		t.account.Scopes = response.Scopes
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), exchangeTimeout)
	defer cancel()
	done, err = t.complete(ctx, response, "")
	if err == nil && failure != nil {
		err = (&api.Error{Code: api.ProviderRejected,
			Message: fmt.Sprintf("%s gave a new refresh token along with no usable answer; it is kept", t.provider.Name),
			Hint:    "oauthd token " + t.account.Name + " tries again; what was imported is of no use any more"}).Because(failure)
	}
	if err == nil && t.spent {
		t.d.log.Info().Str("account", t.account.Name).Msg("the provider has rotated the imported refresh token")
	}
	return done, err
}

// ready finds out all that is needed before the refresh token is sent.
func (t *takeover) ready(ctx context.Context) error {
	d := t.d
	select {
	case <-t.login.last:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := d.vault.Probe(ctx); err != nil {
		return d.storeProblem(err)
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
	if t.account.ClientID == "" {
		message := "nothing says which client the refresh token was given to"
		if t.found.NoClient != "" {
			message = t.found.NoClient
		}
		return &api.Error{Code: api.BadRequest, Message: message,
			Hint: "--client-id ID says it, with --client-secret-stdin where the client has a secret"}
	}
	var err error
	if t.auth, t.key, err = pinned(t.account, t.provider, given{secret: t.secret}, account.Credential{}); err != nil {
		return err
	}
	return t.writable()
}
