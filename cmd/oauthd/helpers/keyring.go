package helpers

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"

	dialect "oauthd/ipc/dialect/keyring"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func keyring() Helper {
	const name = "keyring"
	return Helper{
		Name: name, Program: name, OnRequest: true,
		Unheard: true, // by pip before 23.1
		Use:     "get URL [USER]",
		Short:   "answer pip and uv, which run keyring for the password of an index",
		Long: `Answers as the program keyring does, which pip and uv run for the password of a
package index: an access token of the account whose hosts allow the index ("oauthd match
URL" shows which). For any other index it says nothing, with exit status 1. It stores no
passwords, and stands in for a keyring that is installed already.`,
		Args: cobra.RangeArgs(1, 3),
		Serve: func(flags *pflag.FlagSet) func(context.Context, Call) error {
			mode := flags.String("mode", "password", "what to print: password, or creds for the user name too")
			output := flags.String("output", "plain", "how: plain, a line each, or json")
			return func(ctx context.Context, c Call) error {
				r := dialect.Request{Operation: c.Args[0], Creds: *mode == "creds", JSON: *output == "json"}
				if len(c.Args) > 1 {
					r.Service = c.Args[1]
				}
				if len(c.Args) > 2 {
					r.User = c.Args[2]
				}
				err := dialect.Serve(ctx, r, c.Out, c.Client)
				if errors.Is(err, dialect.ErrNothing) {
					return Exit(1)
				}
				return err
			}
		},
		Steps: func(at Place) ([]Step, error) {
			link := at.Link(name)
			steps := []Step{link}
			if other, ok := otherThan(at.Self, name); ok {
				steps = append(steps, Note(other+" is there already: programs run the one that comes first in PATH"))
			}
			return append(steps,
				Note("pip asks for an index whose URL has a user name: https://oauth2accesstoken@HOST/PATH/\n"+
					"with --no-input, or if Python has its own keyring, only after:\n"+
					"  pip config set global.keyring-provider subprocess"),
				Note("uv asks only if it is told to:\n  export UV_KEYRING_PROVIDER=subprocess"),
			), nil
		},
	}
}

// otherThan returns the first program of that name on PATH that is not the program self.
func otherThan(self, name string) (string, bool) {
	ours, err := os.Stat(self)
	if err != nil {
		return "", false
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path, err := exec.LookPath(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		if found, err := os.Stat(path); err == nil && !os.SameFile(found, ours) {
			return path, true
		}
	}
	return "", false
}
