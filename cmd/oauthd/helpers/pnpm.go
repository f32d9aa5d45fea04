package helpers

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"oauthd/ipc/api"
	dialect "oauthd/ipc/dialect/pnpm"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func pnpm() Helper {
	return Helper{
		Name: "pnpm", Unheard: true,
		Use:   "URL",
		Short: "answer pnpm, which runs a tokenHelper for a registry's token",
		Long: `Prints the Authorization header for a registry, with an access token of the account whose
hosts allow it ("oauthd match URL" shows which). pnpm 11 or newer runs it as the
registry's tokenHelper, and shows nothing of what it says: what goes wrong is written to
the terminal too.`,
		Example: `  oauthd helper install pnpm --host npm.example.com --write`,
		Args:    cobra.ExactArgs(1),
		Serve: func(*pflag.FlagSet) func(context.Context, Call) error {
			return func(ctx context.Context, c Call) error { return dialect.Serve(ctx, c.Args[0], c.Out, c.Client) }
		},
		Steps: func(at Place) ([]Step, error) {
			if len(at.Hosts) == 0 {
				return []Step{Note("pnpm asks for the registries that are named:\n  oauthd helper install pnpm --host npm.example.com")}, nil
			}
			self := filepath.ToSlash(at.Self)
			if strings.ContainsAny(self, " \t$%`\"'") {
				return nil, &api.Error{Code: api.BadRequest, Message: "pnpm runs no program with a space or a quote in its path: " + api.Excerpt(self), Hint: "install oauthd elsewhere, or link to it"}
			}
			dir, err := pnpmConfig()
			if err != nil {
				return nil, err
			}
			var steps []Step
			for _, host := range at.Hosts {
				scheme, place, named := strings.Cut(strings.TrimSuffix(host, "/"), "://")
				if !named {
					scheme, place = "https", scheme
				}
				line := "//" + place + "/:tokenHelper=" + self + " helper pnpm " + scheme + "://" + place + "/\n"
				steps = append(steps, &Block{File: filepath.Join(dir, "auth.ini"), Body: line})
			}
			return steps, nil
		},
	}
}

// pnpmConfig is the directory of pnpm's own configuration. npm, which reads ~/.npmrc too, warns about a tokenHelper there.
func pnpmConfig() (string, error) {
	if dir := os.Getenv("XDG_CONFIG_HOME"); dir != "" {
		return filepath.Join(dir, "pnpm"), nil
	}
	home, err := os.UserHomeDir()
	switch runtime.GOOS {
	case "darwin":
		return filepath.Join(home, "Library", "Preferences", "pnpm"), err
	case "windows":
		return filepath.Join(home, "AppData", "Local", "pnpm", "config"), err
	}
	return filepath.Join(home, ".config", "pnpm"), err
}
