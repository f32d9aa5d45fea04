package login

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"oauthd/daemon/account"
	"oauthd/daemon/config"
	"oauthd/daemon/mint"
	"oauthd/daemon/provider"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// define returns the account that name becomes when def is applied to it, and the secrets that came with def. It writes
// nothing.
func (l *Logins) define(ctx context.Context, name string, def api.AccountDefinition) (a account.Account, with mint.Given, err error) {
	if err := account.CheckName(name); err != nil {
		return a, with, err
	}
	l.book.Refresh(ctx, name)
	before, known := l.book.Configured(name)
	if !known {
		if err := l.book.Free(ctx, name); err != nil {
			return a, with, err
		}
		before = account.Account{Name: name, Grant: account.GrantAuthorizationCode, Managed: true}
	}
	a = before
	a.Scopes, a.AuthParams = slices.Clone(before.Scopes), maps.Clone(before.AuthParams)
	if with, err = apply(&a, def); err != nil {
		return a, with, err
	}
	if err := l.fromResource(ctx, before, &a, def); err != nil {
		return a, with, err
	}
	if err := l.checkVia(a); err != nil {
		return a, with, err
	}
	if err := l.checkComplete(a, known); err != nil {
		return a, with, err
	}
	if err := l.pinVia(ctx, &a, with); err != nil {
		return a, with, err
	}
	if _, err := l.book.KnownProvider(a); err != nil {
		return a, with, err
	}
	return a, with, CheckManaged(before, a)
}

// fromResource finds out from a resource server where an account that names nothing else logs in, and for what (RFC 9728). An
// account that was made so must find the issuer that it found then.
func (l *Logins) fromResource(ctx context.Context, before account.Account, a *account.Account, def api.AccountDefinition) error {
	again := madeFromResource(before)
	if def.Resource == "" || def.Issuer != "" || a.Provider != "" || a.Endpoints.Token != "" || a.Issuer != "" && !again || !a.Grant.HasClient() {
		if again && slices.Equal(before.Hosts, []string{before.Resource}) {
			a.Hosts = []string{a.Resource} // the tokens for another resource are not for the earlier one
		}
		return nil
	}
	found, err := l.book.DiscoverResource(ctx, def.Resource)
	if err != nil {
		return err
	}
	if again && found.Resource != before.Resource {
		return words.OtherResource(a.Name, before.Resource, found.Resource)
	}
	if a.Issuer != "" && a.Issuer != found.Issuer {
		return words.OtherIssuer(a.Name, a.Issuer, found.Issuer)
	}
	a.Issuer, a.Resource, a.DPoP = found.Issuer, found.Resource, a.DPoP || found.DPoPBound
	if len(a.Scopes) == 0 {
		a.Scopes = slices.DeleteFunc(account.Scopes(found.Scopes...), func(scope string) bool { return account.CheckScope(scope) != nil })
	}
	if a.Hosts == nil {
		a.Hosts = []string{found.Resource} // its tokens are for that alone
	}
	return nil
}

// madeFromResource reports whether a is what [Logins.fromResource] makes: an account whose tokens are for its resource.
func madeFromResource(a account.Account) bool {
	return a.Resource != "" && a.Issuer != "" && slices.Contains(a.Hosts, a.Resource)
}

// CheckManaged refuses to make a of before if a person wrote the account's file; the error says what to write there.
func CheckManaged(before, a account.Account) error {
	if lines := changedLines(before, a); !a.Managed && len(lines) > 0 {
		return words.NotOurs(a.File, lines)
	}
	return nil
}

// apply brings what def says into a.
func apply(a *account.Account, def api.AccountDefinition) (with mint.Given, err error) {
	if err := checkTogether(def); err != nil {
		return with, err
	}
	for _, part := range []func(*account.Account, api.AccountDefinition, *mint.Given) error{
		applyPlace, applyGrant, applyVia, applyMachine, applyClient, applyRequest,
	} {
		if err := part(a, def, &with); err != nil {
			return with, err
		}
	}
	return with, nil
}

// bad words a definition that does not make sense.
func bad(format string, args ...any) error {
	return words.BadRequest(words.Quoting(format, args...), "oauthd login --help shows what goes together")
}

func checkTogether(def api.AccountDefinition) error {
	switch {
	case def.Provider != "" && def.Issuer != "":
		return bad("give a provider or an issuer, not both")
	case def.ClientSecret != "" && def.ClientSecrets != "":
		return bad("give a client secret or a client_secrets file, not both")
	case def.ClientID != "" && def.ClientSecrets != "":
		return bad("give a client id or a client_secrets file, not both")
	case def.ClientIDMetadata != "" && (def.ClientID != "" || def.ClientSecrets != "" || def.ClientSecret != "" || def.Key != ""):
		return bad("give a client or the metadata of one, not both")
	case def.Timeout < 0 || def.Timeout > maxTimeout:
		return bad("the time-out is from 1 s to a day")
	}
	return nil
}

// applyPlace brings in where the account logs in.
func applyPlace(a *account.Account, def api.AccountDefinition, _ *mint.Given) error {
	if def.Issuer != "" {
		if err := provider.CheckIssuer(def.Issuer); err != nil {
			return bad("issuer: %v", err)
		}
		a.Provider, a.Tenant, a.Issuer, a.Endpoints = "", "", def.Issuer, account.Endpoints{}
	}
	if def.Provider != "" {
		a.Provider, a.Tenant, a.Issuer, a.Endpoints = def.Provider, "", "", account.Endpoints{}
	}
	if def.Tenant != "" {
		if a.Provider == "" && (a.Issuer != "" || a.Endpoints.Token != "") {
			return bad("a tenant goes with a provider's name; an issuer's URL names its own")
		}
		a.Tenant = def.Tenant
	}
	return nil
}

func applyGrant(a *account.Account, def api.AccountDefinition, _ *mint.Given) error {
	if def.Grant == "" {
		return nil
	}
	if err := config.CheckGrant(def.Grant); err != nil {
		return &api.Error{Code: api.Unsupported, Message: "grant: " + api.Excerpt(err.Error()),
			Hint: "leave --grant out, or add --device if no browser can come back to this machine"}
	}
	wanted := account.Grant(def.Grant)
	if wanted == a.Grant {
		return nil
	}
	a.Grant = wanted
	if !wanted.Interactive() {
		a.ClientIDMetadata = ""
	}
	if !wanted.HasClient() { // a provider and a client do not go with this grant
		*a = account.Account{
			Name: a.Name, Scopes: a.Scopes, Grant: wanted, File: a.File, Managed: a.Managed, Policy: a.Policy, Sockets: a.Sockets,
		}
	}
	return nil
}

// applyClient brings in the client that logs in.
func applyClient(a *account.Account, def api.AccountDefinition, with *mint.Given) error {
	if def.ClientID != "" || def.ClientSecrets != "" {
		a.ClientIDMetadata = ""
	}
	if def.ClientID != "" {
		a.ClientID, a.ClientSecret = def.ClientID, account.Secret{}
	}
	if def.ClientIDMetadata != "" {
		if err := provider.CheckClientIDMetadata(def.ClientIDMetadata); err != nil {
			return bad("client id metadata: %v", err)
		}
		if !a.Grant.Interactive() {
			return bad("client id metadata is for a login by a person, not for %s", a.Grant)
		}
		a.ClientIDMetadata, a.ClientID, a.ClientSecret = def.ClientIDMetadata, "", account.Secret{}
	}
	with.Secret = account.NewSecret(string(def.ClientSecret))
	if def.ClientSecrets == "" {
		return nil
	}
	file, err := provider.ParseClientSecrets([]byte(def.ClientSecrets))
	if err != nil {
		return &api.Error{Code: api.ConfigInvalid, Message: "client_secrets: " + api.Excerpt(err.Error()),
			Hint: "download the JSON of a client of type desktop app again, or use --provider or --issuer with --client-id"}
	}
	if _, err := file.Provider(); err == nil && def.Provider == "" && def.Issuer == "" {
		a.Provider, a.Tenant, a.Issuer, a.Endpoints = "", "", "", account.Endpoints{} // the file says it
	}
	if err := config.ApplyClientSecrets(a, file); err != nil {
		return &api.Error{Code: api.ConfigInvalid, Message: "client_secrets: " + api.Excerpt(err.Error()),
			Hint: "download the JSON of a client of type desktop app that is registered at this account's provider"}
	}
	with.Secret, a.ClientSecret = a.ClientSecret, account.Secret{}
	return nil
}

// applyRequest brings in what the authorization request asks for, and where its answer goes.
func applyRequest(a *account.Account, def api.AccountDefinition, _ *mint.Given) error {
	if def.Resource != "" {
		if err := config.CheckResource(def.Resource); err != nil {
			return bad("resource: %v", err)
		}
		a.Resource = def.Resource
	}
	if def.DPoP && !a.Grant.HasClient() {
		return bad("Google's tokens are bearer tokens, which no key is bound to")
	}
	a.DPoP = a.DPoP || def.DPoP
	if def.RedirectURI != "" {
		if err := config.CheckRedirectURI(def.RedirectURI); err != nil {
			return bad("redirect URI: %v", err)
		}
		a.RedirectURI, a.RedirectPorts = def.RedirectURI, nil
	}
	for _, scope := range def.Scopes {
		if err := account.CheckScope(scope); err != nil {
			return bad("%v; give one --scope for each", err)
		}
		if !slices.Contains(a.Scopes, scope) {
			a.Scopes = append(a.Scopes, scope)
		}
	}
	for key, value := range def.AuthParams {
		if err := config.CheckAuthParam(key, value); err != nil {
			return bad("auth parameter: %v", err)
		}
		if a.AuthParams == nil {
			a.AuthParams = map[string]string{}
		}
		a.AuthParams[key] = value
	}
	return nil
}

// checkComplete returns what a still lacks before anybody can log in.
func (l *Logins) checkComplete(a account.Account, known bool) error {
	lacksProvider := a.Provider == "" && a.Issuer == "" && a.Endpoints.Token == ""
	switch {
	case !a.Grant.HasClient():
		return nil
	case lacksProvider && a.ClientID == "" && !known:
		return &api.Error{
			Code:    api.UnknownAccount,
			Message: fmt.Sprintf("there is no account %q yet, and no provider was given for it", a.Name),
			Hint: fmt.Sprintf("oauthd login %s --client-secrets FILE, or --provider P --client-id ID (oauthd providers lists them), "+
				"or --issuer URL --client-id ID", a.Name),
		}
	case lacksProvider:
		return &api.Error{Code: api.BadRequest, Message: "no provider was given",
			Hint: "add --provider P, which oauthd providers lists, or --issuer URL"}
	case a.ClientID == "" && !l.book.MayRegister(a):
		if !a.Grant.Interactive() {
			return words.NoMachineClient()
		}
		return words.NoClient()
	}
	return nil
}

// changedLines returns the lines of b's file that a's lacks.
func changedLines(a, b account.Account) []string {
	before, errA := config.Encode(a)
	after, errB := config.Encode(b)
	if errA != nil || errB != nil {
		return nil
	}
	have := strings.Split(string(before), "\n")
	var lines []string
	for line := range strings.SplitSeq(string(after), "\n") {
		if !slices.Contains(have, line) {
			lines = append(lines, line)
		}
	}
	return lines
}
