package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"

	"github.com/spf13/cobra"
)

// loginFlags are the flags of login that do not go into the account's definition as they are.
type loginFlags struct {
	clientSecrets       string
	keyFile             string
	secretStdin, device bool
	noBrowser, printURL bool
	timeout             time.Duration
	authParams          []string
	paste               string
	store               string
	chosen              *api.StoreChoice // by store, or by the wizard
	cancel              bool
}

func newLogin(std stdio) *cobra.Command {
	var def api.AccountDefinition
	var f loginFlags
	cmd := &cobra.Command{
		Use:   "login [NAME]",
		Short: "authorize an account in the browser",
		Long: `Creates the account if it is new, then authorizes it: your browser opens, you
agree, and the credential is stored in the keychain. It is always a new login;
what you leave out stays as it was. Without a name, on a terminal, it asks.

Without a keychain it asks, on a terminal, where to store credentials instead;
--store says so at once. Either is written to config.toml.

Over SSH, or without a display, it shows a code to enter on another device if the
provider supports that; else you paste the address that the browser was sent to.

A program, a service account, or what Google's tools find on this machine needs no
person: --grant client_credentials, service_account or adc is tried out instead,
and the secret or key that its tokens need is stored.`,
		Example: `  oauthd login work --client-secrets client_secret.json --scope openid
  oauthd login work --provider microsoft --client-id ID --scope User.Read
  oauthd login corp --issuer https://login.corp.example --client-id ID
  oauthd login notes --resource https://mcp.example.com/mcp
  oauthd login build --grant client_credentials --issuer URL --client-id ID \
      --client-secret-stdin
  oauthd login robot --grant service_account --key-file key.json --scope S`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("paste") { // an empty one must not start a login
				return pasteFrom(cmd, args, f.paste)
			}
			if f.cancel {
				return cancelLogin(cmd, std, args)
			}
			if err := f.apply(&def, std); err != nil {
				return err
			}
			if len(args) == 1 {
				return logIn(cmd.Context(), std, args[0], def, f)
			}
			return loginAsked(cmd, std, &def, f)
		},
	}
	f.add(cmd, &def)
	return cmd
}

// add gives cmd the flags of login.
func (f *loginFlags) add(cmd *cobra.Command, def *api.AccountDefinition) {
	flags := cmd.Flags()
	flags.StringVar(&def.Provider, "provider", "", "a name that oauthd providers lists")
	flags.StringVar(&def.Tenant, "tenant", "", "the tenant or domain, if the provider has them; see oauthd providers NAME")
	flags.StringVar(&def.Issuer, "issuer", "", "the issuer's URL, for any other provider with discovery")
	flags.StringVar(&f.clientSecrets, "client-secrets", "", "Google's client_secrets.json (- reads standard input)")
	flags.StringVar(&def.ClientID, "client-id", "", "the client id registered at the provider")
	flags.StringVar(&def.ClientIDMetadata, "client-id-metadata", "", "the URL of your client's metadata, for servers that take it as client id")
	flags.BoolVar(&f.secretStdin, "client-secret-stdin", false, "read the client secret from standard input")
	flags.StringVar(&f.keyFile, "key-file", "", "a private key: a client's (PEM or JWK) or a Google service account's (- reads standard input)")
	flags.StringVar(&def.KeyID, "key-id", "", "the id under which the provider knows the client's key, if its file has none")
	flags.StringArrayVar(&def.Scopes, "scope", nil, "a scope to ask for; may be repeated")
	flags.StringVar(&def.Resource, "resource", "", "the server that tokens are for; alone, it says where to log in (RFC 8707, 9728)")
	flags.BoolVar(&def.DPoP, "dpop", false, "bind the tokens to a key that never leaves the daemon (RFC 9449)")
	flags.StringVar(&def.Grant, "grant", "", "authorization_code, device_code, client_credentials, service_account, adc or identity_assertion")
	flags.StringVar(&def.Via, "via", "", "the account whose login is exchanged for tokens, without a browser (identity_assertion)")
	flags.StringVar(&def.Subject, "subject", "", "the person a service account acts for")
	flags.StringVar(&def.Audience, "audience", "", "what the tokens of a program or service account are for")
	flags.BoolVar(&f.device, "device", false, "the same as --grant device_code: agree on another device")
	flags.StringVar(&def.RedirectURI, "redirect-uri", "", "the loopback redirect URI as registered, if the provider wants an exact one")
	flags.BoolVar(&f.noBrowser, "no-browser", false, "print the URL and open nothing")
	flags.BoolVar(&f.printURL, "print-url", false, "print the URL alone on standard output, for a program that drives the browser")
	flags.StringVar(&f.paste, "paste", "", "give the login that waits elsewhere the address the browser was sent to (- reads standard input)")
	flags.BoolVar(&f.cancel, "cancel", false, "end the login of this account that waits elsewhere")
	flags.DurationVar(&f.timeout, "timeout", 5*time.Minute, "how long to wait for the browser")
	flags.StringVar(&f.store, "store", "", "where to store credentials from now on: keychain, file or memory; written to config.toml")
	flags.BoolVar(&def.Force, "force", false, "accept a different person than before")
	flags.StringArrayVar(&f.authParams, "auth-param", nil, "k=v, one more parameter of the authorization request; may be repeated")
}

// loginAsked asks for what login was not given.
func loginAsked(cmd *cobra.Command, std stdio, def *api.AccountDefinition, f loginFlags) error {
	switch {
	case !screen.IsTerminal(std.in) || !screen.IsTerminal(std.err):
		return badRequest("login wants the name of an account", "oauthd login NAME; on a terminal oauthd login asks")
	case cmd.Flags().NFlag() > 1 || cmd.Flags().NFlag() == 1 && f.store == "":
		return badRequest("login asks only when it is given nothing", "oauthd login NAME with the same flags")
	}
	name, chosen, err := askLogin(cmd.Context(), std, def, f.chosen)
	if err != nil {
		return err
	}
	f.chosen = chosen
	if err := logIn(cmd.Context(), std, name, *def, f); err != nil {
		return err
	}
	showUses(std, name)
	return nil
}

// apply brings the flags into def, and into f what else they say.
func (f *loginFlags) apply(def *api.AccountDefinition, std stdio) error {
	if f.timeout <= 0 {
		return badRequest("--timeout must be positive", "--timeout 10m gives ten minutes")
	}
	def.Timeout = int64((f.timeout + time.Second - 1) / time.Second)
	if f.device {
		if def.Grant != "" && def.Grant != "device_code" {
			return badRequest("--device and --grant "+def.Grant+" exclude each other", "give one of them")
		}
		def.Grant = "device_code"
	}
	var err error
	if f.chosen, err = storeFlag(f.store); err != nil {
		return err
	}
	if def.AuthParams, err = parseAuthParams(f.authParams); err != nil {
		return err
	}
	if err := f.readOnce(); err != nil {
		return err
	}
	if f.clientSecrets != "" {
		if def.ClientSecrets, err = clientSecretsFile.read(f.clientSecrets, std.in); err != nil {
			return err
		}
	}
	if f.keyFile != "" {
		if def.Key, err = keyFile.read(f.keyFile, std.in); err != nil {
			return err
		}
	}
	if f.secretStdin {
		def.ClientSecret, err = readSecret(std.in)
	}
	return err
}

// readOnce refuses flags that would read standard input after one another.
func (f loginFlags) readOnce() error {
	var readers []string
	for _, flag := range []struct {
		text  string
		reads bool
	}{
		{"--client-secrets -", f.clientSecrets == "-"}, {"--client-secret-stdin", f.secretStdin}, {"--key-file -", f.keyFile == "-"},
	} {
		if flag.reads {
			readers = append(readers, flag.text)
		}
	}
	if len(readers) < 2 {
		return nil
	}
	return badRequest(strings.Join(readers, " and ")+" both read standard input", "give one of them")
}

// logIn runs one login and shows it.
func logIn(ctx context.Context, std stdio, name string, def api.AccountDefinition, f loginFlags) error {
	ctx, interrupt := context.WithCancel(ctx)
	defer interrupt()
	c := starting()
	defer c.Close()
	if err := readyStore(ctx, std, c, f.chosen); err != nil {
		return err
	}
	view := &loginView{
		std: std, name: name, client: c, ctx: ctx, interrupt: interrupt,
		noBrowser: f.noBrowser, printURL: f.printURL, deadline: time.Now().Add(f.timeout),
	}
	if !f.noBrowser && !f.printURL && (def.Grant == "" || def.Grant == "authorization_code") { // else it was decided
		view.headless = noBrowserHere(os.Getenv, runtime.GOOS)
		def.Headless = view.headless != ""
	}
	err := c.Login(ctx, name, def, view.show)
	view.rest()
	if err != nil {
		return err
	}
	view.result()
	return nil
}

// pasteFrom hands a pasted address to a login that waits in another terminal.
func pasteFrom(cmd *cobra.Command, args []string, pasted string) error {
	if len(args) != 1 {
		return badRequest("--paste wants the name of the account that logs in", "oauthd login NAME --paste ADDRESS")
	}
	if err := api.CheckAccountName(args[0]); err != nil {
		return err
	}
	if pasted == "-" {
		text, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), 64<<10))
		if err != nil {
			return fileProblem("standard input", err)
		}
		pasted = string(text)
	}
	c := existing()
	defer c.Close()
	return c.Callback(cmd.Context(), args[0], pasted)
}

// cancelLogin ends a login that waits in another terminal.
func cancelLogin(cmd *cobra.Command, std stdio, args []string) error {
	if len(args) != 1 {
		return badRequest("--cancel wants the name of the account that logs in", "oauthd login NAME --cancel")
	}
	if cmd.Flags().NFlag() > 1 {
		return badRequest("--cancel starts no login, so it takes no other flag", "oauthd login "+api.Excerpt(args[0])+" --cancel")
	}
	c := existing()
	defer c.Close()
	if err := c.CancelLogin(cmd.Context(), args[0]); err != nil {
		return err
	}
	screen.Say(std.out, "%s: the login is cancelled\n", args[0])
	return nil
}

func parseAuthParams(pairs []string) (map[string]string, error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	params := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, badRequest(fmt.Sprintf("--auth-param %q is not k=v", pair), "--auth-param prompt=select_account is one")
		}
		params[key] = value
	}
	return params, nil
}
