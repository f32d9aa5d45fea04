package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"time"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
	"oauthd/ipc/client"
	"oauthd/ipc/own"

	"github.com/spf13/cobra"
)

// importFlags are the flags of import that are not of the request as they stand.
type importFlags struct {
	secretStdin, deleteSource, asJSON bool
	store                             string
}

func newImport(std stdio) *cobra.Command {
	var r api.ImportRequest
	var f importFlags
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "import a login that another tool has saved",
		Long: `Reads what another tool has saved, shows what it is, proves it by one refresh,
and stores it as if you had logged in. The format is recognised by the content:

  token.json of google-auth     application_default_credentials.json of gcloud
  oauth2client's storage files  a service account's JSON key
  oidc-gen -p NAME              rclone config show NAME, or rclone's bare token
  git credential fill           a refresh token alone, on one line
  client_secrets.json, with which a login goes on

- reads standard input. If the file does not name the provider and the client that
its refresh token belongs to, use --provider or --issuer, and --client-id. A token
endpoint that only the file vouches for is used only with --trust-endpoint.

Two programs that refresh the same login log each other out if the provider rotates
refresh tokens. --delete-source removes the file once its login is stored here.`,
		Example: `  oauthd import token.json --as gmail --delete-source
  rclone config show drive | oauthd import - --as drive
  printf 'protocol=https\nhost=gitlab.com\n\n' | git credential fill |
      oauthd import - --client-id ID`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return importFile(cmd.Context(), std, args[0], r, f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&r.As, "as", "", "the account's name; otherwise one is made from the file")
	flags.StringArrayVar(&r.Scopes, "scope", nil, "a scope for the account, if the file names none, or fewer; may be repeated")
	flags.StringVar(&r.Provider, "provider", "", "the provider, if the file does not name it")
	flags.StringVar(&r.Issuer, "issuer", "", "the issuer's URL, if the file does not name it")
	flags.StringVar(&r.ClientID, "client-id", "", "the client id, if the file does not name it")
	flags.StringVar(&r.RedirectURI, "redirect-uri", "", "the redirect URI of that login, for a provider that wants it at each refresh")
	flags.BoolVar(&f.secretStdin, "client-secret-stdin", false, "read the client secret from standard input")
	flags.BoolVar(&r.TrustEndpoint, "trust-endpoint", false, "trust the token endpoint that the file names")
	flags.BoolVar(&f.deleteSource, "delete-source", false, "remove the file once its login is stored")
	flags.StringVar(&f.store, "store", "", "where to store credentials from now on: keychain, file or memory; written to config.toml")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

func importFile(ctx context.Context, std stdio, file string, r api.ImportRequest, f importFlags) error {
	if file == "-" && f.secretStdin {
		return badRequest("- and --client-secret-stdin both read standard input", "put one of them into a file")
	}
	chosen, err := storeFlag(f.store)
	if err != nil {
		return err
	}
	src, err := openSource(file, std.in, f.deleteSource)
	if err != nil {
		return err
	}
	if src.exposed() {
		screen.Say(std.err, "warning: others on this machine can read %s (mode %04o)\n", file, src.given.Info.Mode().Perm())
	}
	r.Data, r.Sole = api.Confidential(src.given.Data), f.deleteSource
	if f.secretStdin {
		if r.ClientSecret, err = readSecret(std.in); err != nil {
			return err
		}
	}
	c := starting()
	defer c.Close()
	if err := readyStore(ctx, std, c, chosen); err != nil {
		return err
	}
	var found, last api.ImportEvent
	over := func() {}
	err = c.Import(ctx, r, func(e api.ImportEvent) error {
		over()
		switch e.Event {
		case api.EventFound:
			found = e
			if err := showFound(std.err, e); err != nil {
				return err
			}
			over = screen.Progress(std.err, "Waiting for the provider")
			return nil
		default:
			last = e
			return nil
		}
	})
	over()
	if err != nil {
		if found.Event != "" && (ctx.Err() != nil || errors.Is(err, client.ErrNoDaemon)) {
			screen.Say(std.err, "note: the refresh token may have been used by now; before you import it again, oauthd account show %s "+
				"shows whether it was stored\n", found.Account)
		}
		return err
	}
	if last.Event == api.EventLoginNeeded {
		return src.login(ctx, std, last.Account, r, f)
	}
	found.Event, found.Email, found.Subject = last.Event, last.Email, last.Subject
	found.ScopesGranted, found.Rotated, found.Warnings = last.ScopesGranted, last.Rotated, last.Warnings
	if err := showImported(std, found, f.asJSON); err != nil {
		return err
	}
	if f.deleteSource {
		return src.remove(std.err)
	}
	screen.Say(std.err, "note: %s\n", src.left(found))
	return nil
}

// left says what is left behind by an import that removes nothing.
func (s *importSource) left(e api.ImportEvent) string {
	if e.Rotated {
		return "the provider has issued a new refresh token, so the imported one no longer works: " +
			"the program that used it has to ask oauthd now, or log in again"
	}
	what, where := "refresh token", "what was imported is still where it came from"
	if e.Grant == "service_account" {
		what = "key"
	}
	if s.given.Info != nil {
		where = s.file + " still holds the " + what
	}
	if what == "key" {
		return where + ", in plain text"
	}
	return where + ", in plain text; if the provider rotates refresh tokens, two programs that refresh it log each other out"
}

// showFound shows what was recognised; nothing of it is secret.
func showFound(w io.Writer, e api.ImportEvent) error {
	rows := [][]string{}
	for _, row := range [][2]string{
		{"found", e.Format}, {"account", e.Account}, {"provider", e.Provider}, {"issuer", e.Issuer},
		{"token endpoint", e.TokenEndpoint}, {"client id", e.ClientID}, {"client secret", map[bool]string{true: "yes"}[e.HasSecret]},
		{"scopes", screen.Excerpts(e.Scopes)}, {"who", api.Excerpt(e.Email)},
	} {
		if row[1] != "" {
			rows = append(rows, []string{row[0], row[1]})
		}
	}
	return screen.Facts(w, rows)
}

func showImported(std stdio, e api.ImportEvent, asJSON bool) error {
	for _, warning := range e.Warnings {
		screen.Say(std.err, "warning: %s\n", api.Lines(warning))
	}
	if asJSON {
		return screen.JSON(std.out, e)
	}
	who := api.Excerpt(cmp.Or(e.Email, e.Subject, "somebody whom the provider does not name"))
	if e.Grant == "service_account" {
		screen.Say(std.out, "%s: imported, gives tokens to %s\n", e.Account, who)
	} else {
		screen.Say(std.out, "%s: imported, logged in as %s at %s\n", e.Account, who, e.Provider)
	}
	if len(e.ScopesGranted) > 0 {
		screen.Say(std.out, "granted: %s\n", screen.Excerpts(e.ScopesGranted))
	}
	return nil
}

// importSource is what is imported.
type importSource struct {
	file  string
	given *own.Named // without Info if it is not a file
}

func openSource(file string, stdin io.Reader, remove bool) (*importSource, error) {
	switch {
	case file == "-" && remove:
		return nil, badRequest("--delete-source needs a file; standard input cannot be removed", "oauthd import FILE --delete-source")
	case file == "-" && screen.IsTerminal(stdin):
		return nil, badRequest("import - reads a pipe or a file, not the terminal", "oauthd import - < FILE")
	}
	if link, err := os.Lstat(file); err == nil && remove && link.Mode()&fs.ModeSymlink != 0 {
		return nil, badRequest(api.Excerpt(file)+" is a symbolic link, and removing it would leave the file behind",
			"name the file itself, or leave out --delete-source")
	}
	given, err := sourceFile.open(file, stdin)
	if err != nil {
		return nil, err
	}
	if remove && given.Info == nil { // a pipe cannot be compared before it is removed
		return nil, badRequest(api.Excerpt(file)+" is not a regular file, so --delete-source cannot remove what is in it", "leave out --delete-source")
	}
	return &importSource{file: file, given: given}, nil
}

// exposed reports whether others on this machine can read the file.
func (s *importSource) exposed() bool {
	return s.given.Info != nil && s.given.Info.Mode().Perm()&0o044 != 0 && runtime.GOOS != "windows"
}

// remove removes the file, unless it is no longer what was imported.
func (s *importSource) remove(w io.Writer) error {
	if err := s.given.Remove(); err != nil {
		return (&api.Error{Code: api.Internal, Message: fmt.Sprintf("the login is imported, but %s is still there: %s",
			api.Excerpt(s.file), api.Excerpt(err.Error())), Hint: "look at it, then remove it by hand"}).Because(err)
	}
	screen.Say(w, "oauthd: %s is removed\n", s.file)
	return nil
}

// login goes on with a client_secrets file as oauthd login --client-secrets does.
func (s *importSource) login(ctx context.Context, std stdio, name string, r api.ImportRequest, f importFlags) error {
	screen.Say(std.err, "oauthd: the file is a client without a login; going on as oauthd login %s --client-secrets %s\n", name, s.file)
	def := api.AccountDefinition{ClientSecrets: r.Data, Scopes: r.Scopes, Provider: r.Provider, Issuer: r.Issuer}
	flags := loginFlags{timeout: 5 * time.Minute}
	def.Timeout = int64(flags.timeout / time.Second)
	shown := std
	if f.asJSON {
		shown.out = std.err
	}
	if err := logIn(ctx, shown, name, def, flags); err != nil {
		return err
	}
	if f.asJSON {
		if err := screen.JSON(std.out, api.ImportEvent{Event: api.EventDone, Account: name}); err != nil {
			return err
		}
	}
	if f.deleteSource {
		return s.remove(std.err)
	}
	return nil
}
