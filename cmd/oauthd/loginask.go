package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"oauthd/cmd/oauthd/helpers"
	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
	"oauthd/ipc/client"
)

// wizard asks for all that a first login needs. Nothing is sent to a provider or written before its summary is agreed to.
type wizard struct {
	*asker
	client *client.Client
	def    *api.AccountDefinition
	p      api.Provider
	// name is the account's, and chosen the store, nil if it stays.
	name   string
	chosen *api.StoreChoice
	// command is the command line that says the same, and rows are the summary.
	command []string
	rows    [][]string
}

// askLogin asks for all that a first login needs, and fills in def. chosen is given, or is what the person chose because
// there is no keychain.
func askLogin(ctx context.Context, std stdio, def *api.AccountDefinition, given *api.StoreChoice) (name string, chosen *api.StoreChoice, err error) {
	a, err := newAsker(ctx, std)
	if err != nil {
		return "", nil, err
	}
	c := starting()
	defer c.Close()
	w := &wizard{asker: a, client: c, def: def, chosen: given}
	s, err := c.Status(ctx)
	if err != nil {
		return "", nil, err
	}
	fmt.Fprint(std.err, "A few questions. Enter takes what is in brackets, ? explains, Tab completes,\n"+
		"and the arrow keys bring back earlier answers. Ctrl-C gives up.\n\n")
	for _, step := range []func() error{
		w.askProvider, w.askPlace, w.askClient, w.askScopes,
		func() error { return w.askName(s.Accounts) },
		func() error { return w.askStore(s.Store) },
		w.confirm,
	} {
		if err := step(); err != nil {
			return "", nil, err
		}
	}
	return w.name, w.chosen, nil
}

func (w *wizard) row(what, value string) { w.rows = append(w.rows, []string{"  " + what, value}) }

func (w *wizard) says(flag string, value string) { w.command = append(w.command, flag, value) }

func (w *wizard) askProvider() error {
	all, err := w.client.Providers(w.ctx)
	if err != nil {
		return err
	}
	shown, names := wellKnown(all)
	where, err := w.ask(question{
		text: "Provider, or an issuer's URL", suggested: "google", choices: shown, names: names, other: true,
		explain: "Who has the account: a number or a name, or the URL of any other OpenID Connect issuer (Keycloak, a company's " +
			"own). oauthd providers NAME shows what each needs. Known by name: " + strings.Join(names, ", ") + ".",
		check: func(s string) (err error) {
			if strings.Contains(s, "://") {
				return checkIssuer(s)
			}
			w.p, err = w.client.Provider(w.ctx, s)
			return err
		},
	})
	switch {
	case err != nil:
		return err
	case strings.Contains(where, "://"):
		w.p = api.Provider{ProviderRow: api.ProviderRow{DefaultScopes: []string{"openid", "email"}}}
		w.def.Issuer = where
		w.says("--issuer", where)
		w.row("issuer", where)
	default:
		w.def.Provider = where
		w.says("--provider", where)
		w.row("provider", cmp.Or(w.p.Title, where))
	}
	return nil
}

// wellKnown returns the providers to show, which are the person's own and those that most people have, and all names.
func wellKnown(all []api.Provider) (shown []choice, names []string) {
	popular := []string{"google", "microsoft", "github", "gitlab", "slack", "dropbox", "fastmail", "yahoo", "atlassian", "zoom", "okta", "auth0"}
	for _, p := range all {
		names = append(names, p.Name)
		if !p.BuiltIn {
			shown = append(shown, choice{name: p.Name})
		}
	}
	for _, name := range popular {
		if slices.Contains(names, name) {
			shown = append(shown, choice{name: name})
		}
	}
	return shown, names
}

// askPlace asks for what a provider's URLs depend on, and says what to register there.
func (w *wizard) askPlace() (err error) {
	def, p := w.def, w.p
	if p.TenantHint != "" {
		screen.Say(w.std.err, "  A tenant is %s.\n", p.TenantHint)
		def.Tenant, err = w.ask(question{text: "Tenant", suggested: p.Tenant, check: required("this provider needs a tenant"),
			explain: "The part of the provider's URLs that differs from customer to customer: " + p.TenantHint + "."})
		if err != nil {
			return err
		}
		w.row("tenant", def.Tenant)
		if def.Tenant == p.Tenant {
			def.Tenant = ""
		} else {
			w.says("--tenant", def.Tenant)
		}
	}
	switch {
	case p.RedirectPort == api.RedirectPortFixed:
		def.RedirectURI, err = w.ask(question{
			text: "Redirect URI, as registered", suggested: p.RedirectURI, check: required("this provider needs one"),
			explain: "Where the browser comes back to: an address of this machine, with a port of your choice. It must be " +
				"registered at the provider exactly as you type it here.",
		})
		w.says("--redirect-uri", def.RedirectURI)
		w.row("redirect URI", def.RedirectURI)
	case p.Name != "" && p.Name != "google":
		screen.Say(w.std.err, "  The redirect URI to register there is %s\n", p.RedirectURI)
		w.row("redirect URI", p.RedirectURI)
	}
	return err
}

// required refuses an empty answer.
func required(why string) func(string) error {
	return func(s string) error {
		if s == "" {
			return errors.New(why)
		}
		return nil
	}
}

const googleClient = ".apps.googleusercontent.com"

// askClient asks for the client, which a discovered issuer may register by itself.
func (w *wizard) askClient() error {
	if len(w.p.RegistrationSteps) > 0 {
		screen.Say(w.std.err, "\nThe provider wants to know which program asks. To register oauthd there:\n\n")
		printSteps(w.std.err, w.p.RegistrationSteps)
		fmt.Fprintln(w.std.err)
	}
	if w.p.Name == "google" {
		return w.askGoogleClient()
	}
	q := question{
		text: "Client id, as registered at the provider", check: required("register a native (desktop) client at the provider first"),
		explain: "Providers want to know which program asks. Register one there, as a native or desktop application, and " +
			"copy its client id (or application id) to here. oauthd providers NAME shows what to register.",
	}
	if w.def.Issuer != "" {
		q.text, q.check = "Client id, or nothing to have one registered", nil
		q.explain = "The client that was registered for you at the issuer. Many issuers register one by themselves (RFC 7591) " +
			"if you leave this empty."
	}
	id, err := w.ask(q)
	if err != nil {
		return err
	}
	if id == "" {
		w.row("client", "one that the issuer registers")
		return nil
	}
	return w.askSecretOf(id)
}

func (w *wizard) askGoogleClient() error {
	file, err := w.ask(question{
		text: "Path of the client_secrets.json, or a client id", suggested: "client_secret.json", files: true,
		explain: "Google wants to know which program asks. At https://console.cloud.google.com/apis/credentials create an " +
			"OAuth client ID of type Desktop app, download its JSON, and give its path here.",
		check: func(s string) error {
			if strings.HasSuffix(s, googleClient) {
				return nil
			}
			return checkClientSecrets(s)
		},
	})
	if err != nil {
		return err
	}
	if strings.HasSuffix(file, googleClient) {
		return w.askSecretOf(file)
	}
	w.def.Provider = ""
	w.command = w.command[:len(w.command)-2]
	w.says("--client-secrets", file)
	w.row("client", file)
	w.def.ClientSecrets, err = clientSecretsFile.read(file, nil)
	return err
}

// askSecretOf asks for the secret of a client that was registered by hand.
func (w *wizard) askSecretOf(id string) error {
	w.def.ClientID = id
	w.says("--client-id", id)
	text := "Client secret, if the client has one (it does not show)"
	if w.p.ClientSecretRequired {
		text = "Client secret (it does not show)"
	}
	const explain = "What the provider showed beside the client id. A native or desktop client often has none: then press Enter.\n " +
		"It goes into the store, never into a file."
	secret, err := w.secret(text, explain)
	for err == nil && secret == "" && w.p.ClientSecretRequired {
		w.complain(errors.New(w.p.Title + " gives no token to a client without one"))
		secret, err = w.secret(text, explain)
	}
	if err != nil {
		return err
	}
	if secret == "" {
		w.row("client", id)
		return nil
	}
	w.row("client", id+", with its secret")
	w.def.ClientSecret = secret
	w.command = append(w.command, "--client-secret-stdin")
	return nil
}

func (w *wizard) askScopes() error {
	scopes, err := w.ask(question{
		text: "Scopes, with blanks between", suggested: strings.Join(w.p.DefaultScopes, " "),
		explain: "What the tokens may be used for, in the provider's words; its documentation lists them. Ask for no more " +
			"than you need: a later login with --scope adds to it.",
	})
	for _, scope := range strings.Fields(scopes) {
		w.def.Scopes = append(w.def.Scopes, scope)
		w.says("--scope", scope)
	}
	w.row("scopes", cmp.Or(strings.Join(w.def.Scopes, " "), "what the provider gives unasked"))
	return err
}

func (w *wizard) askName(accounts []api.Account) (err error) {
	w.name, err = w.ask(question{
		text: "A name for the account", suggested: freeName(w.def.Provider, accounts), check: api.CheckAccountName,
		explain: "Yours to choose; programs ask for tokens by this name, as in oauthd token NAME.",
	})
	row := w.name
	if slices.ContainsFunc(accounts, func(a api.Account) bool { return a.Name == w.name }) {
		row += ", which exists: it gets this provider, client and scopes instead of its own"
	}
	w.rows = slices.Insert(w.rows, 0, []string{"  account", row})
	return err
}

// askStore asks where to store the login, if there is no keychain and nobody has said.
func (w *wizard) askStore(now api.Store) (err error) {
	if w.chosen != nil {
		w.row("stored", storeWords(*w.chosen))
		return nil
	}
	if !lacksStore(now) {
		w.row("stored", storeWords(api.StoreChoice{Backend: now.Backend, Identity: now.Identity, Seal: now.Seal}))
		return nil
	}
	fmt.Fprintln(w.std.err)
	if w.chosen, err = w.store(now); err == nil {
		w.row("stored", storeWords(*w.chosen))
	}
	return err
}

// confirm shows the summary, and goes on if the person agrees.
func (w *wizard) confirm() error {
	command := append([]string{"oauthd", "login", w.name}, w.command...)
	fmt.Fprint(w.std.err, "\nThis login:\n\n")
	if err := screen.Facts(w.std.err, w.rows); err != nil {
		return err
	}
	screen.Say(w.std.err, "\nThe same in one line:\n\n  %s\n\n", helpers.Quoted(command...))
	agreed, err := w.yes("Log in now", "Nothing has been sent to the provider, or written, so far. yes does both: the browser opens for you to agree, "+
		"and what comes of it is stored. no ends this without a trace.")
	if err == nil && !agreed {
		fmt.Fprintln(w.std.err, "\nNothing was sent or written.")
		err = context.Canceled
	}
	if err == nil {
		fmt.Fprintln(w.std.err)
	}
	return err
}

// showUses shows the commands that use a new account.
func showUses(std stdio, name string) {
	screen.Say(std.err, `
Now use it:

  oauthd token %[1]s
  oauthd exec -e TOKEN=%[1]s -- CMD
  oauthd status
`, name)
}

// freeName suggests a name that no account has, because Enter must not log an account in again with other scopes.
func freeName(provider string, accounts []api.Account) string {
	taken := func(name string) bool {
		return slices.ContainsFunc(accounts, func(a api.Account) bool { return a.Name == name })
	}
	for _, name := range []string{"work", provider} {
		if api.CheckAccountName(name) == nil && !taken(name) {
			return name
		}
	}
	for n := 2; ; n++ {
		if name := fmt.Sprintf("work%d", n); !taken(name) {
			return name
		}
	}
}

// checkIssuer refuses what the daemon would refuse later, when nobody can be asked again (RFC 8414 §2).
func checkIssuer(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("an issuer's URL begins with https://")
	}
	ip, _ := netip.ParseAddr(u.Hostname())
	switch {
	case u.Hostname() == "":
		return errors.New("the issuer's URL names no host")
	case u.Scheme == "http" && u.Hostname() != "localhost" && !ip.IsLoopback():
		return errors.New("an issuer's URL begins with https://; http:// is for this machine alone")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("an issuer's URL has no user, query or fragment")
	}
	return nil
}

// checkClientSecrets refuses another kind of file; the daemon reads it closely.
func checkClientSecrets(file string) error {
	if file == "-" {
		return errors.New("that is standard input, where the questions are answered; give a path")
	}
	text, err := clientSecretsFile.read(file, nil)
	if err != nil {
		return err
	}
	var kinds struct{ Installed, Web json.RawMessage }
	err = json.Unmarshal([]byte(strings.TrimPrefix(string(text), "\ufeff")), &kinds)
	if err != nil || kinds.Installed == nil && kinds.Web == nil {
		return badRequest(api.Excerpt(file)+" is no client_secrets file", "download the JSON of a client of type desktop app at the provider")
	}
	return nil
}
