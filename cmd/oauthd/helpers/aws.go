package helpers

import (
	"cmp"
	"context"
	"os"

	"oauthd/ipc/api"
	dialect "oauthd/ipc/dialect/aws"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func aws() Helper {
	return Helper{
		Name:  "aws",
		Use:   "NAME --role ARN",
		Short: "answer AWS' libraries with the credentials of a role",
		Long: `Answers as a credential_process: gives AWS the account's ID token, and prints the
temporary credentials of the role that AWS gives for it. "oauthd exec --aws" needs no
configuration; this is for ~/.aws/config, and for what is not started by exec.`,
		Example: `  oauthd helper aws corp --role arn:aws:iam::123456789012:role/deploy`,
		Args:    cobra.ExactArgs(1),
		Serve: func(flags *pflag.FlagSet) func(context.Context, Call) error {
			arn := flags.String("role", "", "the role to assume (`ARN`)")
			region := flags.String("region", "", "the region whose endpoint is asked (default: AWS_REGION)")
			return func(ctx context.Context, c Call) error {
				if err := api.CheckAccountName(c.Args[0]); err != nil {
					return err
				}
				role := AWSRole(*arn, *region)
				role.Account = c.Args[0]
				return dialect.Serve(ctx, role, c.Out, c.Client)
			}
		},
		Steps: func(at Place) ([]Step, error) {
			return []Step{Note("AWS' libraries ask for a profile of ~/.aws/config that has:\n" +
				"credential_process = " + Quoted(at.Self) + " helper aws NAME --role ARN")}, nil
		},
	}
}

// AWSRole returns the role that the flags say, or the variables that AWS' libraries know.
func AWSRole(arn, region string) dialect.Role {
	return dialect.Role{
		ARN:      cmp.Or(arn, os.Getenv("AWS_ROLE_ARN")),
		Session:  os.Getenv("AWS_ROLE_SESSION_NAME"),
		Region:   cmp.Or(region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION")),
		Endpoint: cmp.Or(os.Getenv("AWS_ENDPOINT_URL_STS"), os.Getenv("AWS_ENDPOINT_URL")),
	}
}
