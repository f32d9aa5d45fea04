package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"

	"github.com/spf13/cobra"
)

func newProviders(std stdio) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "providers [NAME]",
		Short: "list the providers known by name, or show one",
		Long: `Lists the providers that --provider accepts, or shows one: what to register there,
how to log in, and how its tokens behave.

For any other provider use --issuer URL, or a table in config.toml with the same keys:
  [providers.corp]
  issuer = "https://login.example.com"
  redirect_port = "fixed"`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c := starting()
			defer c.Close()
			if len(args) == 0 {
				all, err := c.Providers(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return screen.JSON(std.out, all)
				}
				return printProviders(std, all)
			}
			p, err := c.Provider(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return screen.JSON(std.out, p)
			}
			return printProvider(std, p)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printProviders(std stdio, all []api.Provider) error {
	rows := [][]string{{"NAME", "WHAT", "LOGIN", "PORT", "NEEDS"}}
	for _, p := range all {
		rows = append(rows, []string{p.Name, cmp.Or(p.Title, p.Issuer, p.Endpoints.Token), loginWords(p), cmp.Or(p.RedirectPort, "-"), neededBeside(p)})
	}
	if err := screen.Table(std.out, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintln(std.out, "\noauthd providers NAME shows what to register there, and how to log in.")
	return err
}

// loginWords names the ways to log in.
func loginWords(p api.Provider) string {
	if p.Endpoints.Device != "" {
		return "browser, device"
	}
	return "browser"
}

// neededBeside names what a login cannot do without, beside a client id.
func neededBeside(p api.Provider) string {
	var words []string
	if p.TenantHint != "" && p.Tenant == "" {
		words = append(words, "tenant")
	}
	if p.ClientSecretRequired {
		words = append(words, "client secret")
	}
	return cmp.Or(strings.Join(words, ", "), "-")
}

func printProvider(std stdio, p api.Provider) error {
	var rows [][]string
	add := func(key, value string) {
		if value != "" {
			rows = append(rows, []string{key + ":", value})
		}
	}
	when := func(yes bool, key, value string) {
		if yes {
			add(key, value)
		}
	}
	add("name", p.Name)
	add("provider", p.Title)
	when(!p.BuiltIn, "from", "config.toml")
	add("note", p.Note)
	add("tenant", tenantWords(p))
	add("issuer", p.Issuer)
	when(p.Discovered, "endpoints", "read from the issuer's discovery document at each login")
	add("authorization endpoint", p.Endpoints.Authorization)
	add("token endpoint", p.Endpoints.Token)
	add("device endpoint", p.Endpoints.Device)
	add("pushed requests", p.PushedAuthorizationEndpoint)
	add("registration endpoint", p.RegistrationEndpoint)
	add("revocation endpoint", p.Endpoints.Revocation)
	add("userinfo endpoint", p.Endpoints.Userinfo)
	add("keys", p.JWKSURI)
	add("redirect URI", redirectWords(p))
	add("register at", p.RegistrationURL)
	add("explained at", p.DocsURL)
	add("client", clientWords(p))
	when(p.BasicUnencoded, "HTTP Basic", "has client id and secret as they are, not form-encoded")
	add("scopes asked", strings.Join(p.DefaultScopes, " "))
	when(p.OfflineScope != "", "offline scope", p.OfflineScope+", asked always, for a refresh token")
	when(p.ScopeParameter != "" || p.RequestScopeSeparator != "", "scopes are sent", scopeWords(p))
	add("same scopes", joinPairs(p.ScopeAliases, " is "))
	add("wider scopes", joinPairs(p.ScopeParents, " is in "))
	add("parameters", joinPairs(p.AuthParams, "="))
	add("refresh token", refreshWords(p))
	when(p.RefreshKillsAccessToken, "a refresh", "ends the access token handed out before")
	when(p.RedirectURIAtRefresh, "refresh request", "repeats the redirect URI")
	when(p.RefreshScope, "refresh scopes", "a refresh request names those granted")
	when(p.TokenLifetime != "", "access token", "lasts "+screen.Span(p.TokenLifetime.Duration()))
	add("narrower tokens", narrowWords(p))
	when(p.OneResourcePerToken, "resources", "a token is for one, which its scopes name")
	add("logout", logoutWords(p))
	when(p.TokenMember != "", "token response", "the token is in its member "+p.TokenMember)
	when(p.ErrorsIn200, "errors", "come with the status 200 too")
	add("log in", loginLine(p))
	if err := screen.Facts(std.out, rows); err != nil || len(p.RegistrationSteps) == 0 {
		return err
	}
	fmt.Fprint(std.out, "\nTo register a client:\n\n")
	printSteps(std.out, p.RegistrationSteps)
	return nil
}

func tenantWords(p api.Provider) string {
	switch {
	case p.TenantHint == "":
		return p.Tenant
	case p.Tenant == "":
		return "needed: " + p.TenantHint
	}
	return p.Tenant + ", or " + p.TenantHint
}

func redirectWords(p api.Provider) string {
	switch p.RedirectPort {
	case api.RedirectPortFixed:
		return p.RedirectURI + ", to register with its port (which is yours to choose)"
	case api.RedirectPortAny:
		return p.RedirectURI + ", to register without a port: any will do"
	}
	return p.RedirectURI + ", to register; if the provider wants a port, register one and pass --redirect-uri"
}

func clientWords(p api.Provider) string {
	how := map[string]string{
		"none":                "has no secret",
		"client_secret_basic": "sends its secret by HTTP Basic",
		"client_secret_post":  "sends its secret as a parameter",
		"private_key_jwt":     "signs with its private key",
	}[p.Endpoints.AuthMethod]
	switch {
	case p.ClientSecretRequired:
		return strings.TrimPrefix(how+"; it must have one", "; ")
	case p.EmptySecret:
		return how + "; an empty one, if it has none"
	case how != "" && p.Endpoints.AuthMethod != "none":
		return how + ", if it has one"
	}
	return how
}

func scopeWords(p api.Provider) string {
	words := "as " + cmp.Or(p.ScopeParameter, "scope")
	if p.RequestScopeSeparator != "" {
		words += fmt.Sprintf(", with %q between them", p.RequestScopeSeparator)
	}
	return words
}

func refreshWords(p api.Provider) string {
	words := map[string]string{
		"static": "stays the same", "rotating": "a new one at each use", "none": "none",
	}[p.Rotation]
	if p.IdleLimit != "" {
		words += "; ends when unused for " + screen.Span(p.IdleLimit.Duration())
	}
	if p.NoRefreshToken != "" {
		words += "; " + p.NoRefreshToken
	}
	return strings.TrimPrefix(words, "; ")
}

func narrowWords(p api.Provider) string {
	switch p.Narrowing {
	case "refresh":
		return "oauthd token NAME --scope S gives one"
	case "exchange":
		return "oauthd token NAME --scope S, --audience A or --resource R gives one"
	case api.NarrowingUnknown:
		return "not known; oauthd token NAME --scope S finds out"
	}
	return "none; each token has all scopes granted"
}

func logoutWords(p api.Provider) string {
	switch {
	case p.RevocationForm != "":
		return "ends the grant at the provider too"
	case p.Discovered:
		return "ends the grant at the provider too, if the issuer offers that"
	}
	return "forgets the login here; the provider offers no revocation"
}

// loginLine is an example that can be copied.
func loginLine(p api.Provider) string {
	line := "oauthd login NAME --provider " + p.Name + " --client-id ID"
	if p.ClientSecretRequired {
		line += " --client-secret-stdin"
	}
	if p.TenantHint != "" && p.Tenant == "" {
		line += " --tenant TENANT"
	}
	if p.RedirectPort == api.RedirectPortFixed {
		line += " --redirect-uri " + p.RedirectURI
	}
	if len(p.DefaultScopes) == 0 && !p.Discovered {
		line += " --scope SCOPE"
	}
	return line
}

// joinPairs lists a map on one line.
func joinPairs(m map[string]string, between string) string {
	var words []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		words = append(words, key+between+m[key])
	}
	return strings.Join(words, ", ")
}
