package helpers

import (
	"context"

	dialect "oauthd/ipc/dialect/git"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func git() Helper {
	return Helper{
		Name: "git", Program: "git-credential-oauthd",
		Use:   "get|erase|store|capability",
		Short: "answer git's request for a credential, on standard input",
		Long: `Answers git's credential helper protocol: an access token of the account whose hosts
allow the place that git asks for ("oauthd match URL" shows which). For any other place
it says nothing, and git goes on to its next helper.`,
		Args: cobra.ExactArgs(1),
		Serve: func(*pflag.FlagSet) func(context.Context, Call) error {
			return func(ctx context.Context, c Call) error {
				return dialect.Serve(ctx, c.Args[0], c.In, c.Out, c.Client)
			}
		},
		Steps: func(at Place) ([]Step, error) {
			link := at.QuickLink("git-credential-oauthd")
			helper := Quoted(link.Path) // git has a shell run it
			config := []string{"git", "config", "--global"}
			return []Step{link, &Command{
				Made:   append(config, "--get", "--fixed-value", "credential.helper", helper),
				Change: append(config, "--add", "credential.helper", helper),
				Undo:   append(config, "--fixed-value", "--unset-all", "credential.helper", helper),
			}}, nil
		},
	}
}
