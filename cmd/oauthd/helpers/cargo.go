package helpers

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"oauthd/ipc/api"
	dialect "oauthd/ipc/dialect/cargo"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func cargo() Helper {
	const name = "cargo-credential-oauthd"
	return Helper{
		Name: "cargo", Program: name,
		Use:   "--cargo-plugin",
		Short: "answer cargo, which asks for the token of a registry",
		Long: `Speaks cargo's credential provider protocol (cargo 1.74 or newer): an access token of the
account whose hosts allow the index of a registry ("oauthd match URL" shows which). Only
sparse registries are answered; for any other one cargo goes on to its next provider.`,
		Args: cobra.ArbitraryArgs,
		Serve: func(flags *pflag.FlagSet) func(context.Context, Call) error {
			flags.Bool("cargo-plugin", false, "speak cargo's protocol, as cargo asks of every provider")
			return func(ctx context.Context, c Call) error { return dialect.Serve(ctx, c.In, c.Out, c.Client) }
		},
		Steps: func(at Place) ([]Step, error) {
			link := at.Link(name)
			provider := filepath.ToSlash(link.Path)
			if strings.ContainsAny(provider, " \t\n\"\\") {
				return nil, &api.Error{Code: api.BadRequest, Message: "cargo runs no provider with a space or a quote in its path: " + api.Excerpt(provider),
					Hint: "install with --dir into another directory"}
			}
			file, err := cargoConfig()
			return []Step{link, &Setting{
				File: file, Table: "registry", Key: "global-credential-providers",
				Value: `["cargo:token", "` + provider + `"]`, // cargo asks the last one first
			}}, err
		},
	}
}

// cargoConfig is the file of cargo's configuration: its older name has none at the end, and goes first.
func cargoConfig() (string, error) {
	dir := os.Getenv("CARGO_HOME")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(home, ".cargo")
	}
	older := filepath.Join(dir, "config")
	if _, err := os.Stat(older); err == nil {
		return older, nil
	}
	return older + ".toml", nil
}
