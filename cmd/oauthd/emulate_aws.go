package main

import (
	"context"
	"net/http"

	"oauthd/cmd/oauthd/helpers"
	"oauthd/ipc/api"
	"oauthd/ipc/client"
	sts "oauthd/ipc/dialect/aws"
	container "oauthd/ipc/emulate/aws"

	"github.com/spf13/pflag"
)

// aws gives CMD a role of AWS' for the account's ID token. As a rule that is a file with the ID token, which AWS' libraries
// take to AWS themselves, and read again in time: all of them can, and it needs no server. The other way is a server as in
// a container, from which many short programs get the credentials that AWS gave once.
type aws struct {
	Role      sts.Role `json:"role"`
	Container bool     `json:"container"`

	arn, region string // what the flags say
	file        string // with the ID token
}

var _ protocol = (*aws)(nil)

// flags implements [protocol].
func (a *aws) flags(flags *pflag.FlagSet) {
	flags.StringVar(&a.arn, "role", "", "the role that --aws's CMD gets, by its `ARN`")
	flags.StringVar(&a.region, "region", "", "the `REGION` of AWS in which it works")
	flags.BoolVar(&a.Container, "aws-container", false, "serve --aws's CMD the role's credentials instead of the ID token")
}

// prepare implements [protocol].
func (a *aws) prepare(ctx context.Context, std stdio, c *client.Client, f *tokenFlags, account string) error {
	a.Role = helpers.AWSRole(a.arn, a.region)
	a.Role.Account = account
	if a.Role.ARN == "" {
		return badRequest("--aws wants to know which role", "oauthd exec --aws "+account+" --role arn:aws:iam::123456789012:role/NAME -- CMD")
	}
	if !a.Container {
		a.Role.Endpoint = "" // is CMD's to use
	}
	if err := a.Role.Check(); err != nil {
		return err
	}
	return f.persist(ctx, std, c, account, func() error {
		if a.Container {
			_, err := c.Token(ctx, api.TokenRequest{Account: account, IDToken: true})
			return err
		}
		file, err := c.AddFile(ctx, api.FileRequest{Account: account, IDToken: true, Format: api.FormatRaw})
		a.file = file.Path
		return err
	})
}

// serves implements [protocol].
func (a *aws) serves() bool { return a.Container }

// environment implements [protocol].
func (a *aws) environment(at endpoint) ([]string, error) {
	changes := []string{
		// AWS' libraries take these first.
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION",
		"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
	}
	if a.region != "" {
		changes = append(changes, "AWS_REGION="+a.region, "AWS_DEFAULT_REGION="+a.region)
	}
	if a.Container {
		return append(changes,
			"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://"+at.Address+container.Path,
			"AWS_CONTAINER_AUTHORIZATION_TOKEN="+at.Secret,
			"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME",
		), nil
	}
	return append(changes,
		"AWS_WEB_IDENTITY_TOKEN_FILE="+a.file,
		"AWS_ROLE_ARN="+a.Role.ARN,
		"AWS_ROLE_SESSION_NAME="+a.Role.SessionName(),
		"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
	), nil
}

// handler implements [protocol].
func (a *aws) handler(at endpoint, c *client.Client, complain func(error)) http.Handler {
	assume := func(ctx context.Context) (container.Credentials, error) {
		got, err := sts.Assume(ctx, http.DefaultTransport, a.Role, c)
		return container.Credentials(got), err
	}
	return container.New(container.Config{Account: a.Role.Account, RoleARN: a.Role.ARN, Secret: at.Secret}, c, assume, complain)
}
