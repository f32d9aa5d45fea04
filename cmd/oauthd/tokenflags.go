package main

import (
	"cmp"
	"context"
	"strings"
	"time"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
	"oauthd/ipc/client"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// tokenFlags say which token is wanted, and how it is written. The verbs that hand one on share them.
type tokenFlags struct {
	request api.TokenRequest // of no account
	scopes  []string
	minTTL  time.Duration
	form    api.Form
	login   bool
}

func (f *tokenFlags) add(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.scopes, "scope", nil, "a scope the token must cover; may be repeated")
	flags.StringVar(&f.request.Audience, "audience", "", "ask for a token for this audience")
	flags.StringVar(&f.request.Resource, "resource", "", "ask for a token for this resource (RFC 8707)")
	flags.DurationVar(&f.minTTL, "min-ttl", 0, "how long the token must still be valid (default: 60s, or a quarter of its lifetime if that is shorter)")
	flags.BoolVar(&f.form.IDToken, "id-token", false, "the OpenID Connect ID token; json and env have both")
	flags.StringVar(&f.form.Format, "format", api.FormatRaw, "how it is written: `FORMAT` is raw, json, header, headers, bearer, env, xoauth2 or oauthbearer")
	flags.StringVar(&f.form.User, "user", "", "the user for the SASL formats (default: who logged in)")
	flags.StringVar(&f.form.Host, "host", "", "the server for oauthbearer: imap.example.com")
	flags.Int64Var(&f.form.Port, "port", 0, "its port: 993")
}

func (f *tokenFlags) addLogin(flags *pflag.FlagSet) {
	flags.BoolVar(&f.login, "login", false, "log in first if that is needed, here or on the desktop")
}

// settle checks the flags and finishes the request.
func (f *tokenFlags) settle(cmd *cobra.Command) error {
	if err := f.form.Check(); err != nil {
		return err
	}
	f.request.Scope = strings.Join(f.scopes, " ")
	f.request.IDToken = f.form.WantsIDToken()
	if !cmd.Flags().Changed("min-ttl") {
		return nil
	}
	if f.minTTL < 0 {
		return badRequest("--min-ttl must not be negative", "--min-ttl 10m asks for a token that lives ten minutes or more")
	}
	seconds := int64((f.minTTL + time.Second - 1) / time.Second)
	f.request.MinTTL = &seconds
	return nil
}

// persist does something that needs a token of account. If that needs a login, and --login says so, a person logs in.
func (f *tokenFlags) persist(ctx context.Context, std stdio, c *client.Client, account string, do func() error) error {
	err := do()
	if !f.login || !needsLogin(err) {
		return err
	}
	if err := loginNow(ctx, std, c, f.of(account), err); err != nil {
		return err
	}
	return do()
}

// of returns the request for a token of account.
func (f *tokenFlags) of(account string) api.TokenRequest {
	r := f.request
	r.Account = account
	return r
}

// token asks for the token of account.
func (f *tokenFlags) token(ctx context.Context, std stdio, c *client.Client, account string) (t api.Token, err error) {
	request := f.of(account)
	err = f.persist(ctx, std, c, account, func() (err error) {
		defer screen.Progress(std.err, "Waiting for a token of "+account)()
		t, err = c.Token(ctx, request)
		return err
	})
	if err != nil {
		return t, err
	}
	if request.MinTTL != nil && t.ExpiresIn != nil && *t.ExpiresIn < *request.MinTTL {
		screen.Say(std.err, "note: the provider gives %s's tokens a shorter life than --min-ttl: this one is valid for %s\n",
			account, time.Duration(*t.ExpiresIn)*time.Second)
	}
	return t, nil
}

// text is token, written as --format says.
func (f *tokenFlags) text(ctx context.Context, std stdio, c *client.Client, account string) (string, error) {
	t, err := f.token(ctx, std, c, account)
	if err != nil {
		return "", err
	}
	form := f.form
	if form.WantsUser() {
		known, err := c.Account(ctx, account)
		if err != nil {
			return "", err
		}
		if form.User = cmp.Or(known.Email, known.Subject); form.User == "" {
			return "", api.NoUser(account)
		}
	}
	return form.Text(t)
}

// file returns the request for a file that holds such a token of account.
func (f *tokenFlags) file(account string) api.FileRequest {
	return api.FileRequest{
		Account: account, Scope: f.request.Scope, Audience: f.request.Audience, Resource: f.request.Resource, MinTTL: f.request.MinTTL,
		IDToken: f.form.IDToken, Format: f.form.Format, Template: f.form.Template, User: f.form.User, Host: f.form.Host, Port: f.form.Port,
	}
}
