package helpers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"

	"oauthd/ipc/api"
	dialect "oauthd/ipc/dialect/terraform"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func terraform() Helper {
	const name = "terraform-credentials-oauthd"
	return Helper{
		Name: "terraform", Program: name,
		Unheard: true, // it goes on without a token
		Use:     "get|store|forget HOST",
		Short:   "answer Terraform and OpenTofu, which ask for the token of a host",
		Long: `Answers as a credentials helper of Terraform and OpenTofu: an access token of the account
whose hosts allow the registry or backend ("oauthd match https://HOST/" shows which). For
any other host it says that it has none. It stores no tokens of "terraform login".`,
		Args: cobra.ExactArgs(2),
		Serve: func(*pflag.FlagSet) func(context.Context, Call) error {
			return func(ctx context.Context, c Call) error {
				err := dialect.Serve(ctx, c.Args[0], c.Args[1], c.Out, c.Client)
				var refusal *api.Error
				if c.Args[0] != "get" && errors.As(err, &refusal) { // it shows what is said to these
					_, _ = fmt.Fprintf(c.Err, "%s\nhint: %s\n", refusal.Message, refusal.Hint)
					return Exit(1)
				}
				return err
			}
		},
		Steps: func(at Place) ([]Step, error) {
			home, err := os.UserHomeDir()
			file, plugins := filepath.Join(home, ".terraformrc"), filepath.Join(home, ".terraform.d", "plugins")
			if appdata := os.Getenv("APPDATA"); runtime.GOOS == "windows" {
				file, plugins = filepath.Join(appdata, "terraform.rc"), filepath.Join(appdata, "terraform.d", "plugins")
			}
			if other := os.Getenv("TF_CLI_CONFIG_FILE"); other != "" {
				file = other
			}
			return []Step{
				&Link{Path: filepath.Join(plugins, name), To: at.Self},
				&Block{File: file, Body: "credentials_helper \"oauthd\" {}\n", Other: regexp.MustCompile(`(?m)^[ \t]*credentials_helper[ \t].*`)},
			}, err
		},
	}
}
