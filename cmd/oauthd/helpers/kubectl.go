package helpers

import (
	"context"
	"fmt"
	"io"
	"os"

	"oauthd/ipc/api"
	dialect "oauthd/ipc/dialect/kubectl"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func kubectl() Helper {
	return Helper{
		Name:  "kubectl",
		Use:   "[NAME]",
		Short: "answer kubectl and other programs that read a kubeconfig",
		Long: `Answers as an exec credential plugin (client.authentication.k8s.io/v1 and v1beta1): with
the account's ID token if it has the scope openid, else its access token. Without NAME
it is the account whose hosts allow the cluster's API server. --print-config prints the
user for a kubeconfig. "oauthd help kubernetes" has more.`,
		Args: cobra.MaximumNArgs(1),
		Serve: func(flags *pflag.FlagSet) func(context.Context, Call) error {
			idToken := flags.Bool("id-token", false, "answer with the ID token; --id-token=false with the access token")
			printConfig := flags.Bool("print-config", false, "print a kubeconfig that has the user")
			return func(ctx context.Context, c Call) error {
				r := dialect.Request{Info: os.Getenv("KUBERNETES_EXEC_INFO")}
				if len(c.Args) > 0 {
					r.Account = c.Args[0]
				}
				if flags.Changed("id-token") {
					r.Kind = dialect.AccessToken
					if *idToken {
						r.Kind = dialect.IDToken
					}
				}
				if *printConfig {
					return printKubeconfig(c.Out, r)
				}
				if err := dialect.Serve(ctx, r, c.Out, c.Client); err != nil {
					e := api.AsError(err)
					fmt.Fprintln(c.Err, "oauthd: "+e.Line()) // kubectl adds a line of its own
					return Exit(e.Code.ExitStatus())
				}
				return nil
			}
		},
		Steps: func(Place) ([]Step, error) {
			return []Step{Note("kubectl takes its users from a kubeconfig; this prints one, whose user is called NAME:\n" +
				"  oauthd helper kubectl --print-config NAME")}, nil
		},
	}
}

func printKubeconfig(out io.Writer, r dialect.Request) error {
	user, command := "oauthd", []string{"oauthd", "helper", "kubectl"}
	if r.Account != "" {
		if err := api.CheckAccountName(r.Account); err != nil {
			return err
		}
		user, command = r.Account, append(command, r.Account)
	}
	switch r.Kind {
	case dialect.IDToken:
		command = append(command, "--id-token")
	case dialect.AccessToken:
		command = append(command, "--id-token=false")
	}
	_, err := io.WriteString(out, dialect.Config(user, command...))
	return err
}
