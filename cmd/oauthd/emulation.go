package main

import (
	"context"
	"net/http"

	"oauthd/ipc/api"
	"oauthd/ipc/client"

	"github.com/spf13/pflag"
)

// emulation is a protocol that exec serves to CMD alone, on loopback, for as long as CMD runs.
type emulation struct {
	flag, usage string // --flag NAME
	account     string // NAME; "" if it was not asked for
	url         string // where the tokens go, if that is known: the account's hosts must allow it
	protocol
}

// protocol is what an emulation speaks. It is made anew in the process that serves, to which its exported fields cross as
// JSON.
type protocol interface {
	// flags adds flags of its own.
	flags(*pflag.FlagSet)
	// prepare puts what the server must know into exported fields. It runs in exec, once the account has shown that it
	// has a token. An error means that nothing is started.
	prepare(ctx context.Context, std stdio, c *client.Client, f *tokenFlags, account string) error
	// serves reports whether CMD needs a server; without one, there is no place.
	serves() bool
	// environment returns what CMD's environment gets: NAME=value sets a variable, NAME alone removes one. It runs in
	// exec, and may write files into at.Dir.
	environment(at endpoint) ([]string, error)
	// handler answers CMD, in the process that serves. It gives complain each error of the daemon's, and nil when all is
	// well.
	handler(at endpoint, c *client.Client, complain func(error)) http.Handler
}

// endpoint is where one emulation is served.
type endpoint struct {
	Address string `json:"address"` // 127.0.0.1:PORT
	// Secret is text that nobody can guess, in hexadecimal, new for each place.
	Secret string `json:"secret"`
	// Checked says that other users' connections are refused. Without it, only who knows Secret may be answered.
	Checked bool `json:"checked"`
	// Dir is an empty directory of CMD's own, which is removed when CMD has ended.
	Dir string `json:"dir"`
}

// emulationServer is the hidden verb of the process that serves emulations.
const emulationServer = "emulation-server"

func emulationProblem(err error) error {
	e := &api.Error{
		Code: api.Internal, Message: "tokens cannot be served to the program: " + api.Excerpt(err.Error()),
		Hint: "oauthd exec -e puts one token into its environment instead",
	}
	return e.Because(err)
}
