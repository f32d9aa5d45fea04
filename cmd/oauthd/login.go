package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"oauthd/ipc/api"

	"github.com/spf13/cobra"
)

func newLogin(std stdio) *cobra.Command {
	var (
		def           api.AccountDefinition
		clientSecrets string
		secretStdin   bool
		noBrowser     bool
		timeout       time.Duration
		authParams    []string
	)
	cmd := &cobra.Command{
		Use:   "login NAME",
		Short: "authorize an account in the browser",
		Long: `Creates the account when it is new, then authorizes it: your browser opens, you
agree, and the credential rests in the keychain. It is always a new login; what
you leave out stays as it was.`,
		Example: `  oauthd login work --client-secrets client_secret.json --scope openid --scope email
  oauthd login work --provider microsoft --client-id ID --scope User.Read
  oauthd login corp --issuer https://login.corp.example --client-id ID`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if timeout <= 0 {
				return badRequest("--timeout must be positive", "--timeout 10m gives ten minutes")
			}
			def.Timeout = int64((timeout + time.Second - 1) / time.Second)
			var err error
			if def.AuthParams, err = parseAuthParams(authParams); err != nil {
				return err
			}
			if clientSecrets == "-" && secretStdin {
				return badRequest("--client-secrets - and --client-secret-stdin both read standard input", "give one of them")
			}
			if clientSecrets != "" {
				if def.ClientSecrets, err = readClientSecrets(clientSecrets, std.in); err != nil {
					return err
				}
			}
			if secretStdin {
				if def.ClientSecret, err = readSecret(std.in); err != nil {
					return err
				}
			}
			c := starting()
			defer c.Close()
			var done api.LoginEvent
			err = c.Login(cmd.Context(), args[0], def, func(e api.LoginEvent) error {
				switch e.Event {
				case api.EventAuthorize:
					offer(std, e.URL, !noBrowser)
				case api.EventDone:
					done = e
				}
				return nil
			})
			if err != nil {
				return err
			}
			printLogin(std, args[0], done)
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&def.Provider, "provider", "", "google, microsoft, github, gitlab, or one of config.toml")
	flags.StringVar(&def.Issuer, "issuer", "", "the issuer's URL, for any other provider with discovery")
	flags.StringVar(&clientSecrets, "client-secrets", "", "Google's client_secrets.json (- reads standard input)")
	flags.StringVar(&def.ClientID, "client-id", "", "the client id registered at the provider")
	flags.BoolVar(&secretStdin, "client-secret-stdin", false, "read the client secret from standard input")
	flags.StringArrayVar(&def.Scopes, "scope", nil, "a scope to ask for; may be repeated")
	flags.StringVar(&def.RedirectURI, "redirect-uri", "", "the loopback redirect URI as registered, when the provider wants an exact one")
	flags.BoolVar(&noBrowser, "no-browser", false, "print the URL and open nothing")
	flags.DurationVar(&timeout, "timeout", 5*time.Minute, "how long to wait for the browser")
	flags.BoolVar(&def.Force, "force", false, "accept another person than the one who logged in before")
	flags.StringArrayVar(&authParams, "auth-param", nil, "k=v, one more parameter of the authorization request; may be repeated")
	return cmd
}

// offer shows the URL, and opens it where there is a browser.
func offer(std stdio, url string, open bool) {
	opened := false
	if open {
		var err error
		if opened, err = openBrowser(url); err != nil {
			fmt.Fprintf(std.err, "oauthd: %v\n", err)
		}
	}
	if opened {
		fmt.Fprintf(std.err, "Your browser opens to log in. If it does not, open this URL on this computer:\n\n  %s\n\n", url)
	} else {
		fmt.Fprintf(std.err, "Open this URL in a browser on this computer:\n\n  %s\n\n", url)
	}
	fmt.Fprintln(std.err, "Waiting for the browser; Ctrl-C gives up.")
}

func printLogin(std stdio, name string, done api.LoginEvent) {
	who := cmp.Or(done.Email, done.Subject, "somebody the provider does not name")
	fmt.Fprintf(std.out, "%s: logged in as %s at %s\n", name, who, done.Provider)
	if len(done.ScopesGranted) > 0 {
		fmt.Fprintf(std.out, "granted: %s\n", strings.Join(done.ScopesGranted, " "))
	}
	for _, warning := range done.Warnings {
		fmt.Fprintf(std.err, "warning: %s\n", warning)
	}
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

// maxClientSecrets is far above any client_secrets.json.
const maxClientSecrets = 256 << 10

func readClientSecrets(file string, stdin io.Reader) (api.Confidential, error) {
	from := stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", fileProblem("client_secrets", err)
		}
		defer f.Close()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, maxClientSecrets+1))
	if err != nil {
		return "", fileProblem("client_secrets", err)
	}
	if len(text) > maxClientSecrets {
		return "", badRequest(file+" is too large to be a client_secrets file", "download the client's JSON at the provider again")
	}
	if len(text) == 0 {
		return "", badRequest(file+" is empty", "download the client's JSON at the provider again")
	}
	return api.Confidential(text), nil
}

// readSecret reads the first line.
func readSecret(stdin io.Reader) (api.Confidential, error) {
	if isTerminal(stdin) {
		return "", badRequest("--client-secret-stdin reads a pipe or a file, not the terminal", "oauthd login NAME --client-secret-stdin < FILE")
	}
	line, err := bufio.NewReader(io.LimitReader(stdin, 64<<10)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fileProblem("standard input", err)
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", badRequest("no client secret came on standard input", "oauthd login NAME --client-secret-stdin < FILE")
	}
	return api.Confidential(line), nil
}

// fileProblem words a file that cannot be read.
func fileProblem(what string, err error) error {
	return &api.Error{Code: api.BadRequest, Message: what + " cannot be read: " + err.Error(), Hint: "check the path and its permissions"}
}
