package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"oauthd/ipc/api"
	"oauthd/ipc/client"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// checkVerb refuses a command line that begins with a verb that there is not.
func checkVerb(root *cobra.Command, args []string) error {
	if len(args) == 0 || args[0] == "help" || strings.HasPrefix(args[0], "-") || completes(args) {
		return nil
	}
	var names []string
	for _, c := range root.Commands() {
		if c.Name() == args[0] {
			return nil
		}
		if !c.Hidden {
			names = append(names, c.Name())
		}
	}
	return badRequest(fmt.Sprintf("there is no verb %q", api.Excerpt(args[0])), suggesting(args[0], names, "oauthd ")+"oauthd help lists the verbs")
}

// explainArguments gives c and the verbs below it errors of their own for wrong arguments.
func explainArguments(c *cobra.Command) {
	for _, sub := range c.Commands() {
		explainArguments(sub)
	}
	check := c.Args
	if check == nil {
		return
	}
	c.Args = func(c *cobra.Command, args []string) error {
		err := check(c, args)
		var ours *api.Error
		if err == nil || errors.As(err, &ours) {
			return err
		}
		return argumentProblem(c, args)
	}
}

// argumentProblem says what is wrong with the number of arguments.
func argumentProblem(c *cobra.Command, args []string) error {
	verb := strings.TrimPrefix(c.CommandPath(), "oauthd ")
	usage := strings.TrimSuffix(usageLine(c), " [flags]")
	if c.HasSubCommands() && len(args) > 0 {
		var names []string
		for _, sub := range c.Commands() {
			names = append(names, sub.Name())
		}
		return badRequest(fmt.Sprintf("%s has no verb %q", verb, api.Excerpt(args[0])),
			suggesting(args[0], names, c.CommandPath()+" ")+c.CommandPath()+" --help lists them")
	}
	places := strings.Fields(strings.TrimPrefix(c.Use, c.Name()))
	switch {
	case len(places) == 0:
		return badRequest(fmt.Sprintf("%s takes no arguments, and got %q", verb, api.Excerpt(args[0])), usage)
	case len(args) > len(places):
		return badRequest(fmt.Sprintf("%s got an argument too many, %q", verb, api.Excerpt(args[len(places)])), usage)
	}
	place := places[len(args)]
	hint := usage
	if place == "NAME" {
		hint += "; oauthd accounts lists the names"
	}
	wanted := map[string]string{"NAME": "the name of an account", "FILE": "a file", "DIR": "a directory"}[place]
	return badRequest(verb+" wants "+cmp.Or(wanted, place), hint)
}

// flagProblem says what is wrong with a flag.
func flagProblem(c *cobra.Command, err error) error {
	verb := strings.TrimPrefix(c.CommandPath(), "oauthd ")
	help := c.CommandPath() + " --help lists its flags"
	var unknown *pflag.NotExistError
	var value *pflag.InvalidValueError
	var missing *pflag.ValueRequiredError
	switch {
	case errors.As(err, &unknown):
		if args := c.Flags().Args(); c.HasParent() && c.HasSubCommands() && c.Use == c.Name() && len(args) > 0 {
			return argumentProblem(c, args)
		}
		return noFlag(c, verb, help, unknown)
	case errors.As(err, &value):
		return valueProblem(value.GetFlag(), value.GetValue())
	case errors.As(err, &missing):
		_, usage := pflag.UnquoteUsage(missing.GetFlag())
		return badRequest("--"+missing.GetFlag().Name+" wants a value", usage)
	}
	return badRequest(err.Error(), help)
}

func noFlag(c *cobra.Command, verb, help string, unknown *pflag.NotExistError) error {
	if short := unknown.GetSpecifiedShortnames(); short != "" {
		hint := help
		if f := c.Flags().Lookup(short); f != nil {
			hint = "did you mean --" + short + "? " + help
		}
		return badRequest(fmt.Sprintf("%s has no flag -%s", verb, api.Excerpt(unknown.GetSpecifiedName())), hint)
	}
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	name := unknown.GetSpecifiedName()
	return badRequest(fmt.Sprintf("%s has no flag --%s", verb, api.Excerpt(name)), suggesting(name, names, "--")+help)
}

// valueProblem says what is wrong with the value of a flag.
func valueProblem(f *pflag.Flag, value string) error {
	given := fmt.Sprintf("--%s %q", f.Name, api.Excerpt(value))
	switch f.Value.Type() {
	case "duration":
		hint := "a duration is a number with its unit, such as 90s, 10m or 24h"
		if value != "" && strings.Trim(value, "0123456789") == "" {
			hint = fmt.Sprintf("did you mean --%s %ss? %s", f.Name, api.Excerpt(value), hint)
		}
		return badRequest(given+" is not a duration", hint)
	case "bool":
		return badRequest("--"+f.Name+" takes no value", "leave out "+fmt.Sprintf("=%s", api.Excerpt(value)))
	}
	return badRequest(given+" is not a whole number", "--"+f.Name+" 10, for example")
}

// suggestName adds the nearest account to the hint of an error that says that there is none of that name. For a provider
// the daemon does so.
func suggestName(err error) error {
	var e *api.Error
	if !errors.As(err, &e) || e.Code != api.UnknownAccount {
		return err
	}
	quoted := strings.Split(e.Message, `"`) // the name is the first thing in quotes
	accounts, ok := askQuickly(func(ctx context.Context, c *client.Client) ([]api.Account, error) { return c.Accounts(ctx) })
	if len(quoted) < 3 || !ok {
		return err
	}
	var names []string
	for _, a := range accounts {
		names = append(names, a.Name)
	}
	better := *e
	better.Hint = suggesting(quoted[1], names, "") + e.Hint
	return &better
}
