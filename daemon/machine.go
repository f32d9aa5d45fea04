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
	"oauthd/daemon/grant"
	"oauthd/daemon/grant/google"
	"oauthd/daemon/provider"
	"oauthd/daemon/token"
	"oauthd/ipc/api"
)

// This file is about grants without a person. Their tokens are minted from a secret or a key that is not spent, so that
// there is nothing to rotate and no login that ends.

var errNoMachineClient = &api.Error{Code: api.BadRequest, Message: "nothing says which client the program is",
	Hint: "add --client-id ID with --client-secret-stdin or --key-file FILE"}

var errNoAudience = &api.Error{Code: api.BadRequest, Message: "an ID token of a service account is for an audience",
	Hint: "--audience URL names the service that takes it"}

var errNoMachineSecret = &api.Error{Code: api.BadRequest, Message: "nothing says by what the program authenticates",
	Hint: "add --client-secret-stdin for its secret, or --key-file FILE for its private key"}

var errTwoTargets = &api.Error{Code: api.BadRequest, Message: "an access token of Google's is for scopes or for an audience, not for both",
	Hint: "leave out --scope or --audience"}

var errOnlyIDToken = &api.Error{Code: api.BadRequest, Message: "an ID token comes along with an access token, and nothing says what that is for",
	Hint: "--scope S says it; scopes in the account's file say it for good"}

// selfContained reports whether all that a's tokens take is in files of this machine, so that nothing is kept of it.
func selfContained(a account.Account) bool {
	switch a.Grant {
	case account.GrantADC:
		return true
	case account.GrantServiceAccount:
		return a.KeyFile != ""
	case account.GrantClientCredentials:
		return a.KeyFile != "" || !a.ClientSecret.IsZero()
	default:
		return false
	}
}

// applyMachine brings into a what only grants without a person have.
func applyMachine(a *account.Account, def api.AccountDefinition, with *given) error {
	a.Subject, a.Audience = cmp.Or(def.Subject, a.Subject), cmp.Or(def.Audience, a.Audience)
	switch {
	case !a.Grant.HasClient() && ofClient(def):
		return badRequest("leave out what names one", "a %s account has no provider, client or redirect to name", a.Grant)
	case a.Subject != "" && a.Grant != account.GrantServiceAccount:
		return badRequest("--grant service_account", "a subject is for a service account")
	case a.Audience != "" && a.Grant.Interactive():
		return badRequest("--auth-param audience=… where the provider has such a parameter", "an audience is for grants without a person")
	case def.Key != "" && a.Grant == account.GrantADC:
		return badRequest("--grant service_account with --key-file", "application default credentials bring their own key")
	case def.KeyID != "" && def.Key == "":
		return badRequest("--key-file FILE", "a key id names a key, and there is none")
	case def.Key == "":
		return nil
	}
	a.KeyFile, a.KeyID = "", ""
	if a.Grant == account.GrantServiceAccount {
		key, err := google.ParseServiceAccount([]byte(def.Key))
		if err != nil {
			return keyProblem(*a, err)
		}
		with.key = key.Text()
		return nil
	}
	key, err := grant.ParseClientKey([]byte(def.Key), def.KeyID)
	if err != nil {
		return keyProblem(*a, err)
	}
	with.key = key.Text()
	return nil
}

// ofClient reports whether def says something of a provider, a client, or how that asks.
func ofClient(def api.AccountDefinition) bool {
	return def.Provider != "" || def.Issuer != "" || def.Tenant != "" || def.ClientID != "" || def.ClientSecret != "" ||
		def.ClientSecrets != "" || def.RedirectURI != "" || def.Resource != "" || len(def.AuthParams) > 0
}

// useKey settles which service account's key is tried: the one that came with the login, else the kept one.
func (t *attempt) useKey(with given) error {
	t.provider = machineProvider(t.account)
	t.scopes = t.account.Scopes
	if t.key = with.key; t.key.IsZero() {
		t.key = t.before.Key
	}
	if t.key.IsZero() {
		return &api.Error{Code: api.BadRequest, Message: "nothing says which service account it is",
			Hint: "--key-file FILE takes the JSON key that Google gave for it"}
	}
	return nil
}

// machineProvider is who gives tokens to grants that have no client: Google, with the manners of its scopes. Where the
// requests go is in the key.
func machineProvider(a account.Account) provider.Provider {
	p, _ := provider.Lookup("google")
	p.Issuer, p.Endpoints = "", account.Endpoints{Token: a.Endpoints.Token}
	return p
}

// viaMachine tries the grant out, and keeps what it takes.
func (t *attempt) viaMachine(ctx context.Context, events func(api.LoginEvent)) (done api.LoginEvent, err error) {
	d, a := t.d, t.account
	c := account.Credential{ClientID: t.auth.ID, AuthMethod: string(t.auth.Method), ClientSecret: t.auth.Secret, Key: t.key}
	if selfContained(a) {
		if c, t.provider, err = d.fromFiles(ctx, a); err != nil {
			return done, t.cause(ctx, err)
		}
	} else if a.Grant.HasClient() {
		c.Issuer, c.TokenEndpoint = t.provider.Issuer, t.provider.Endpoints.Token
	}
	got, err := d.ask(ctx, a, token.Key{Account: a.Name}, c, t.provider)
	if err != nil {
		return done, t.cause(ctx, d.providerProblem(a, err))
	}
	c.Scopes, c.Email = got.token.Scopes, got.email
	c.LoggedInAt = d.now().UTC().Truncate(time.Second)
	if err := t.commit(ctx, c, got.token); err != nil {
		return done, err
	}
	t.warn(c, got.token)
	done = api.LoginEvent{
		Event:         api.EventDone,
		Email:         c.Email,
		Provider:      t.provider.Name,
		Grant:         string(a.Grant),
		ScopesGranted: c.Scopes,
		ScopesDenied:  t.provider.Covers(c.Scopes, a.Scopes),
		Warnings:      t.warnings,
	}
	events(done)
	return done, nil
}

// fromFiles is the credential of an account of which nothing is kept.
func (d *Daemon) fromFiles(ctx context.Context, a account.Account) (account.Credential, provider.Provider, error) {
	if !a.Grant.HasClient() {
		return account.Credential{}, machineProvider(a), nil
	}
	p, err := d.resolve(ctx, a, false)
	if err != nil {
		return account.Credential{}, p, d.discoveryProblem(a, err)
	}
	auth, key, err := pinned(a, p, given{}, account.Credential{})
	return account.Credential{
		Issuer: p.Issuer, TokenEndpoint: p.Endpoints.Token,
		ClientID: auth.ID, AuthMethod: string(auth.Method), ClientSecret: auth.Secret, Key: key,
	}, p, err
}

// mintFromFiles mints a token of an account of which nothing is kept.
func (d *Daemon) mintFromFiles(ctx context.Context, a account.Account, key token.Key) (account.Token, error) {
	c, p, err := d.fromFiles(ctx, a)
	if err != nil {
		return account.Token{}, err
	}
	return d.mintMachine(ctx, a, key, c, p)
}

// mintMachine mints a token of a grant without a person.
func (d *Daemon) mintMachine(
	ctx context.Context, a account.Account, key token.Key, c account.Credential, p provider.Provider,
) (account.Token, error) {
	got, err := d.ask(ctx, a, key, c, p)
	if err != nil {
		return account.Token{}, patient(err)
	}
	if selfContained(a) && key == (token.Key{Account: a.Name}) {
		c.Scopes, c.Email = got.token.Scopes, got.email
		d.setFacts(a.Name, factsOf(c))
	}
	return got.token, nil
}

// machineToken is a token of a grant without a person, and whose it is where that is known.
type machineToken struct {
	token account.Token
	email string
}

// ask asks for a token of a grant without a person.
func (d *Daemon) ask(
	ctx context.Context, a account.Account, key token.Key, c account.Credential, p provider.Provider,
) (machineToken, error) {
	scopes := strings.Fields(key.Scope)
	// An access token for an audience is for no scopes; where only the ID token is for it, the other one may have some.
	forAudience := key.Audience != "" && (a.Grant == account.GrantServiceAccount || a.Grant == account.GrantADC && !key.IDToken)
	if key.Scope == "" && !forAudience {
		scopes = a.Scopes
	}
	var got machineToken
	var err error
	switch a.Grant {
	case account.GrantClientCredentials:
		got, err = d.askAsClient(ctx, a, key, c, p, scopes)
	case account.GrantServiceAccount:
		got, err = d.askAsServiceAccount(ctx, a, key, c, scopes)
	default:
		got, err = d.askAsHere(ctx, a, key, scopes)
	}
	if err == nil && got.token.Scopes == nil { // RFC 6749 §5.1: as asked for
		got.token.Scopes = slices.Clone(scopes)
	}
	return got, machineProblem(a, err)
}

func (d *Daemon) askAsClient(
	ctx context.Context, a account.Account, key token.Key, c account.Credential, p provider.Provider, scopes []string,
) (machineToken, error) {
	auth, err := clientAuth(a, c)
	if err != nil {
		return machineToken{}, err
	}
	r, err := d.grants.ClientCredentials(ctx, grant.ClientCredentials{
		TokenEndpoint: c.TokenEndpoint,
		Auth:          auth,
		Scope:         strings.Join(scopes, " "),
		Resource:      cmp.Or(key.Resource, a.Resource),
		Audience:      cmp.Or(key.Audience, a.Audience),
		Dialect:       dialect(p),
	})
	return machineToken{token: r.Token}, err
}

func (d *Daemon) askAsServiceAccount(
	ctx context.Context, a account.Account, key token.Key, c account.Credential, scopes []string,
) (machineToken, error) {
	text, err := keyText(a, c.Key)
	if err != nil {
		return machineToken{}, err
	}
	robot, err := google.ParseServiceAccount([]byte(text.Reveal()))
	if err != nil {
		return machineToken{}, keyProblem(a, err)
	}
	r := google.ServiceAccountRequest{
		Account: robot, TokenEndpoint: a.Endpoints.Token, Scopes: scopes, Subject: a.Subject, IDToken: key.IDToken,
	}
	if key.IDToken || key.Scope == "" {
		r.Audience = cmp.Or(key.Audience, a.Audience)
	}
	got, err := google.Client{Grants: d.grants}.ServiceAccount(ctx, r)
	if err == nil && got.Token.Access.IsZero() { // an ID token alone; an access token for the same costs no request
		idToken, expiry := got.Token.IDToken, got.Token.IDTokenExpiry
		r.IDToken = false
		got, err = google.Client{Grants: d.grants}.ServiceAccount(ctx, r)
		got.Token.IDToken, got.Token.IDTokenExpiry = idToken, expiry
	}
	return machineToken{got.Token, cmp.Or(a.Subject, robot.ClientEmail)}, err
}

func (d *Daemon) askAsHere(ctx context.Context, a account.Account, key token.Key, scopes []string) (machineToken, error) {
	r, err := google.Client{Grants: d.grants}.ApplicationDefault(ctx, google.ADCRequest{
		File:     a.KeyFile,
		Places:   google.ADCPlaces(d.cfg.ADC),
		Scopes:   scopes,
		Audience: cmp.Or(key.Audience, a.Audience),
		IDToken:  key.IDToken,
		Sources:  a.CredentialSources,
	})
	if err == nil && r.Response.Token.Access.IsZero() {
		err = errOnlyIDToken
	}
	return machineToken{r.Response.Token, r.Email}, err
}

// machineProblem words a failure before anybody was asked; the others are worded as any grant's.
func machineProblem(a account.Account, err error) error {
	var refused *grant.ProviderError
	var told *api.Error
	if err == nil || errors.As(err, &refused) || errors.As(err, &told) || errors.Is(err, context.Canceled) ||
		errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	p := &api.Error{Code: api.ConfigInvalid, Message: fmt.Sprintf("the credentials of %s: %v", a.Name, err), Hint: "check what the account's file and the request say; oauthd reload takes a changed file over"}
	switch {
	case errors.Is(err, google.ErrNoDefaultCredentials):
		p.Hint = "gcloud auth application-default login makes them; key_file in the account's file names others"
	case errors.Is(err, google.ErrUntrustedTokenURI):
		p.Hint = "oauthd import KEY.json --trust-endpoint believes it"
	case errors.Is(err, google.ErrNoScopes):
		p.Hint = "--scope or --audience says what a token is for; oauthd login " + a.Name + " --scope S keeps it"
	case a.KeyFile != "":
		p.Hint = "check " + a.KeyFile + " and the account's file, then oauthd reload"
	}
	return p.Because(err)
}
