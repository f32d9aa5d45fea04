// Command oauthd is ssh-agent for OAuth: it logs a person in once, keeps the credentials in the OS keychain, and hands
// fresh access tokens to local programs over a Unix socket.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"oauthd/cmd/oauthd/process"
	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
	"oauthd/ipc/quick"
)

func main() {
	if len(quick.Rest) > 0 {
		os.Exit(finish(os.Stdout, os.Stderr))
	}
	args := argumentsOf(os.Args)
	if len(args) > 0 && args[0] == "serve" {
		process.StartOverwriting()
	}
	std := stdio{os.Stdin, os.Stdout, os.Stderr}
	if len(quick.Input) > 0 {
		std.in = io.MultiReader(bytes.NewReader(quick.Input), os.Stdin)
	}
	os.Exit(run(interruptible(args), args, std))
}

// interruptible returns a context that the signals of a person or a service manager end. For exec they do what they do to
// any program: it becomes another one, which inherits that SIGINT is ignored, and catching it here would end that.
func interruptible(args []string) context.Context {
	if len(args) > 0 && args[0] == "exec" {
		return context.Background()
	}
	// Never stopped, as the process ends: giving signals back takes a twentieth of the time of a token.
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	return ctx
}

// finish prints what the fast lane could not, and returns the exit status.
func finish(out, errs io.Writer) int {
	if _, err := out.Write(quick.Rest); err != nil {
		return report(errs, err)
	}
	return 0
}

// exitInterrupted is what a shell reports for a program that Ctrl-C ended.
const exitInterrupted = 130

// run executes one command line and returns its exit status.
func run(ctx context.Context, args []string, std stdio) int {
	std.out, std.err = screen.On(std.out), screen.On(std.err)
	ctx = withStdio(ctx, std)
	root := newRoot(std, args)
	err := checkVerb(root, args)
	if err == nil {
		err = root.ExecuteContext(ctx)
	}
	if err == nil {
		return 0
	}
	if ctx.Err() != nil || errors.Is(err, context.Canceled) {
		fmt.Fprintln(std.err, "oauthd: interrupted")
		return exitInterrupted
	}
	status := report(std.err, suggestName(err))
	if errors.Is(err, &api.Error{Code: api.ProviderUnreachable}) {
		noteProxy(ctx, std.err)
	}
	return status
}
