package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"oauthd/ipc/api"

	"golang.org/x/term"
)

// asker asks a person at a terminal, step by step.
type asker struct {
	ctx context.Context // ends with Ctrl-C, which a read from a terminal does not notice
	std stdio
	in  *bufio.Reader
	// provider is the one of that name; it asks the daemon.
	provider func(ctx context.Context, name string) (api.Provider, error)
}

// askLogin asks for all that a first login needs, and fills in def; it returns the account's name and the command line
// that says the same.
func askLogin(ctx context.Context, std stdio, def *api.AccountDefinition) (name string, command []string, err error) {
	c := starting()
	defer c.Close()
	a := &asker{ctx: ctx, std: std, in: bufio.NewReader(std.in), provider: c.Provider}
	fmt.Fprintf(std.err, "A few questions; Enter takes what stands in brackets. Ctrl-C gives up.\n\n")
	command = []string{"oauthd", "login", ""}

	var p api.Provider
	where, err := a.ask("Provider: google, microsoft, github, any that oauthd providers lists, or an issuer's URL", "google", func(s string) error {
		if strings.Contains(s, "://") {
			return checkIssuer(s)
		}
		var err error
		p, err = a.provider(ctx, s)
		return err
	})
	if err != nil {
		return "", nil, err
	}
	if strings.Contains(where, "://") {
		p = api.Provider{ProviderRow: api.ProviderRow{DefaultScopes: []string{"openid", "email"}}}
		def.Issuer = where
		command = append(command, "--issuer", where)
	} else {
		def.Provider = where
		command = append(command, "--provider", where)
	}
	if command, err = a.askPlace(def, p, command); err != nil {
		return "", nil, err
	}
	if command, err = a.askClient(def, p, command); err != nil {
		return "", nil, err
	}
	suggested := strings.Join(p.DefaultScopes, " ")
	scopes, err := a.ask("Scopes, with blanks between", suggested, nil)
	if err != nil {
		return "", nil, err
	}
	for _, scope := range strings.Fields(scopes) {
		def.Scopes = append(def.Scopes, scope)
		command = append(command, "--scope", scope)
	}
	accounts, err := c.Accounts(ctx)
	if err != nil {
		return "", nil, err
	}
	name, err = a.ask("A name for the account", freeName(def.Provider, accounts), api.CheckAccountName)
	if err != nil {
		return "", nil, err
	}
	command[2] = name
	return name, command, nil
}

// askPlace asks for what a provider's URLs depend on, and says what to register there.
func (a *asker) askPlace(def *api.AccountDefinition, p api.Provider, command []string) ([]string, error) {
	var err error
	if p.TenantHint != "" {
		say(a.std.err, "  A tenant is %s.\n", p.TenantHint)
		if def.Tenant, err = a.ask("Tenant", p.Tenant, required("this provider needs a tenant")); err != nil {
			return nil, err
		}
		if def.Tenant == p.Tenant {
			def.Tenant = ""
		} else {
			command = append(command, "--tenant", def.Tenant)
		}
	}
	switch {
	case p.RedirectPort == api.RedirectPortFixed:
		def.RedirectURI, err = a.ask("Redirect URI, as registered there, with a port of your choice", p.RedirectURI, nil)
		command = append(command, "--redirect-uri", def.RedirectURI)
	case p.Name != "" && p.Name != "google":
		say(a.std.err, "  The redirect URI to register there is %s\n", p.RedirectURI)
	}
	return command, err
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

// askClient asks for the client, which a discovered issuer may register by itself.
func (a *asker) askClient(def *api.AccountDefinition, p api.Provider, command []string) ([]string, error) {
	if p.Name == "google" {
		file, err := a.ask("Path of the client_secrets.json, or a client id", "client_secret.json", func(s string) error {
			if strings.HasSuffix(s, ".apps.googleusercontent.com") {
				return nil
			}
			return checkClientSecrets(s)
		})
		if err != nil {
			return nil, err
		}
		if !strings.HasSuffix(file, ".apps.googleusercontent.com") {
			def.Provider = ""
			command = command[:len(command)-2]
			def.ClientSecrets, err = clientSecretsFile.read(file, nil)
			return append(command, "--client-secrets", file), err
		}
		return a.askSecretOf(def, p, file, command)
	}
	question, check := "Client id, as registered at the provider", required("register a native (desktop) client at the provider first")
	if def.Issuer != "" {
		question, check = "Client id, or nothing to have the issuer register one", nil
	}
	id, err := a.ask(question, "", check)
	if err != nil || id == "" {
		return command, err
	}
	return a.askSecretOf(def, p, id, command)
}

// askSecretOf asks for the secret of a client that was registered by hand.
func (a *asker) askSecretOf(def *api.AccountDefinition, p api.Provider, id string, command []string) ([]string, error) {
	def.ClientID = id
	command = append(command, "--client-id", id)
	question := "Client secret, if the client has one (it does not show)"
	if p.ClientSecretRequired {
		question = "Client secret (it does not show)"
	}
	secret, err := a.askSecret(question)
	for err == nil && secret == "" && p.ClientSecretRequired {
		say(a.std.err, "  %s gives no token to a client without one\n", p.Title)
		secret, err = a.askSecret(question)
	}
	if err != nil || secret == "" {
		return command, err
	}
	def.ClientSecret = secret
	return append(command, "--client-secret-stdin"), nil
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

// ask repeats its question until check is content. "" takes the suggestion.
func (a *asker) ask(question, suggested string, check func(string) error) (string, error) {
	for {
		if suggested == "" {
			fmt.Fprintf(a.std.err, "%s: ", question)
		} else {
			say(a.std.err, "%s [%s]: ", question, suggested)
		}
		line, err := a.await(func() (string, error) { return a.in.ReadString('\n') })
		if err != nil {
			fmt.Fprintln(a.std.err)
			if errors.Is(err, io.EOF) {
				return "", badRequest("the questions were not answered", "oauthd login --help shows how to say it all at once")
			}
			return "", err
		}
		answer := strings.TrimSpace(line)
		if answer == "" {
			answer = suggested
		}
		if check == nil {
			return answer, nil
		}
		err = check(answer)
		if err == nil {
			return answer, nil
		}
		a.refuse(err)
	}
}

// refuse says why an answer is not taken.
func (a *asker) refuse(err error) {
	say(a.std.err, "  %v\n", err)
	if hint := api.AsError(err).Hint; hint != "" && errors.As(err, new(*api.Error)) {
		say(a.std.err, "  hint: %s\n", hint)
	}
}

// askSecret reads a line without echo.
func (a *asker) askSecret(question string) (api.Confidential, error) {
	fmt.Fprintf(a.std.err, "%s: ", question)
	in, ok := a.std.in.(*os.File)
	if !ok {
		return "", badRequest("a secret is asked for at a terminal only", "--client-secret-stdin reads a pipe")
	}
	visible, err := term.GetState(int(in.Fd()))
	if err != nil {
		return "", fileProblem("the terminal", err)
	}
	secret, err := a.await(func() (string, error) {
		text, err := term.ReadPassword(int(in.Fd()))
		return string(text), err
	})
	_ = term.Restore(int(in.Fd()), visible)
	fmt.Fprintln(a.std.err)
	return api.Confidential(strings.TrimSpace(secret)), err
}

// await returns what read does, or the end of the context; read then stays behind until the process ends.
func (a *asker) await(read func() (string, error)) (string, error) {
	type line struct {
		text string
		err  error
	}
	got := make(chan line, 1)
	go func() {
		text, err := read()
		got <- line{text, err}
	}()
	select {
	case l := <-got:
		return l.text, l.err
	case <-a.ctx.Done():
		return "", a.ctx.Err()
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

// quoted makes a command line that a shell reads as words.
func quoted(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		if w == "" || strings.ContainsAny(w, " \t\n'\"\\$&|;<>()*?[]#~`!{}") {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		out[i] = w
	}
	return strings.Join(out, " ")
}
