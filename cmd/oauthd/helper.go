package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"oauthd/ipc/api"
	"oauthd/ipc/dialect/git"

	"github.com/spf13/cobra"
)

// gitHelperName is the name under which git finds the helper "oauthd" in PATH.
const gitHelperName = "git-credential-oauthd"

// argumentsOf returns the arguments of a command line, which begin with a verb: the name of the program is one if it is
// that of a helper.
func argumentsOf(argv []string) []string {
	if len(argv) == 0 {
		return nil
	}
	if name := strings.TrimSuffix(filepath.Base(argv[0]), ".exe"); name == gitHelperName {
		return append([]string{"helper", "git"}, argv[1:]...)
	}
	return argv[1:]
}

func newHelper(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "helper",
		Short: "answer other programs in their own protocols",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newGitHelper(std), newHelperInstall(std), newHelperUninstall(std))
	return cmd
}

func newGitHelper(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "git get|erase|store|capability",
		Short: "answer git's request for a credential, on standard input",
		Long: `Answers git's credential helper protocol: an access token of the account whose hosts
allow the place that git asks for ("oauthd match URL" shows which). For any other place
it says nothing, and git goes on to its next helper. "oauthd helper install git" has git
ask.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c := starting()
			defer c.Close()
			return git.Serve(cmd.Context(), args[0], std.in, raw(std.out), c)
		},
	}
}

func newHelperInstall(std stdio) *cobra.Command {
	var write bool
	cmd := &cobra.Command{
		Use:   "install git",
		Short: "show, or make, the change to a program's configuration",
		Long: `Prints the command that has git ask oauthd. With --write it runs it. git asks oauthd
after the helpers that it has already, and only the places in an account's hosts are
answered.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			command, err := gitConfig(args[0], "--add", "credential.helper", helperCommand())
			if err != nil {
				return err
			}
			return change(cmd.Context(), std, command, write)
		},
	}
	cmd.Flags().BoolVar(&write, "write", false, "make the change")
	return cmd
}

func newHelperUninstall(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "uninstall git",
		Short: "undo install --write",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			command, err := gitConfig(args[0], "--fixed-value", "--unset-all", "credential.helper", helperCommand())
			if err != nil {
				return err
			}
			return change(cmd.Context(), std, command, true)
		},
	}
}

// helperCommand is what git runs: this program, wherever it is.
func helperCommand() string {
	self, err := os.Executable()
	if err != nil {
		return "!oauthd helper git"
	}
	return "!" + quoted([]string{self}) + " helper git"
}

func gitConfig(helper string, args ...string) ([]string, error) {
	if helper != "git" {
		return nil, badRequest(fmt.Sprintf("there is no helper %q", api.Excerpt(helper)), "oauthd helper --help lists them")
	}
	return append([]string{"git", "config", "--global"}, args...), nil
}

// change prints a command, and runs it if write is set.
func change(ctx context.Context, std stdio, command []string, write bool) error {
	say(std.out, "%s\n", quoted(command))
	if !write {
		return nil
	}
	if out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput(); err != nil {
		return (&api.Error{Code: api.Internal, Message: "git did not take that: " + api.Excerpt(strings.TrimSpace(string(out)+" "+err.Error())),
			Hint: "run the command above by hand"}).Because(err)
	}
	return nil
}
