package helpers

import (
	"context"
	"os"
	"time"

	"oauthd/ipc/api"
	dialect "oauthd/ipc/dialect/az"

	"github.com/spf13/pflag"
)

// AzureAccount is the variable that names the account for which az answers.
const AzureAccount = "OAUTHD_AZURE_ACCOUNT"

func az() Helper {
	const name = "az"
	return Helper{
		Name: name, Program: name, OnRequest: true, Verbatim: true,
		Use:   "-- COMMAND",
		Short: "answer Azure's libraries, which run az for a token",
		Long: `Answers "az account get-access-token" as Azure's command line does: a token for the
resource, of the account that ` + AzureAccount + ` names, or whose hosts allow the
resource ("oauthd match URL" shows which). Every other command is left to the real az,
if there is one. "oauthd exec --azure NAME" puts it into a program's PATH.`,
		Example: `  oauthd helper az -- account get-access-token --resource-type ms-graph`,
		Serve: func(*pflag.FlagSet) func(context.Context, Call) error {
			return func(ctx context.Context, c Call) error {
				if dialect.Answers(c.Args) {
					return dialect.Serve(ctx, c.Args, os.Getenv(AzureAccount), time.Local, c.Out, c.Client)
				}
				self, err := os.Executable()
				if err != nil {
					return err
				}
				other, ok := otherThan(self, name)
				if !ok {
					return &api.Error{Code: api.Unsupported, Message: "there is no az: oauthd answers az account get-access-token in its place, and nothing else",
						Hint: "install Azure's command line for its other commands"}
				}
				return Become{other, append([]string{name}, c.Args...)}
			}
		},
		Steps: func(at Place) ([]Step, error) {
			link := at.Link(name)
			steps := []Step{link}
			if other, ok := otherThan(at.Self, name); ok {
				steps = append(steps, Note(other+" is there already: programs run the one that comes first in PATH"))
			}
			return steps, nil
		},
	}
}
