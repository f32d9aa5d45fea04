package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"oauthd/cmd/oauthd/helpers"
	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
	"oauthd/ipc/client"

	"github.com/spf13/cobra"
)

// argumentsOf returns the arguments of a command line, which begin with a verb: the name of the program is one if it is
// that of a helper.
func argumentsOf(argv []string) []string {
	if len(argv) == 0 {
		return nil
	}
	if h, ok := helpers.Called(argv[0]); ok {
		args := []string{"helper", h.Name}
		if h.Verbatim {
			args = append(args, "--")
		}
		return append(args, argv[1:]...)
	}
	return argv[1:]
}

func newHelper(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "helper",
		Short: "answer other programs in their own protocols",
		Long: `Answers other programs that ask a helper for a credential, each in its own protocol.
"oauthd helper install NAME" has the program ask.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, h := range helpers.All() {
		cmd.AddCommand(helperCommand(std, h))
	}
	cmd.AddCommand(newHelperInstall(std), newHelperUninstall(std))
	return cmd
}

func helperCommand(std stdio, h helpers.Helper) *cobra.Command {
	cmd := &cobra.Command{
		Use:     strings.TrimSpace(h.Name + " " + h.Use),
		Short:   h.Short,
		Long:    h.Long + "\n\n\"oauthd helper install " + h.Name + "\" shows what has the program ask.",
		Example: h.Example,
		Args:    h.Args,
	}
	serve := h.Serve(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c := starting()
		defer c.Close()
		c.Waiting = nil // the terminal belongs to the other program
		err := serve(cmd.Context(), helpers.Call{Args: args, In: std.in, Out: screen.Raw(std.out), Err: std.err, Client: client.BearerTokens{Client: c}, Version: release})
		var exit helpers.Exit
		if errors.As(err, &exit) {
			return &exitError{status: int(exit)}
		}
		var other helpers.Become
		if errors.As(err, &other) {
			return become(std, other.Path, other.Argv, os.Environ())
		}
		if err != nil && h.Unheard && !screen.IsTerminal(std.err) {
			reportOnTerminal(err)
		}
		return err
	}
	return cmd
}

// installation is what the flags of install and uninstall say.
type installation struct {
	dir   string
	hosts []string
}

func (i *installation) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&i.dir, "dir", "", "where links go (default ~/.local/bin)")
	cmd.Flags().StringArrayVar(&i.hosts, "host", nil, "a host for which the program is to ask; may be repeated")
}

func newHelperInstall(std stdio) *cobra.Command {
	var at installation
	var write bool
	cmd := &cobra.Command{
		Use:   "install [NAME]...",
		Short: "show, or make, the changes that have programs ask oauthd",
		Long: `Shows what has the programs ask oauthd: a link to oauthd under the name that each of
them looks for, and a change to its configuration. With --write both are made. A
program goes on asking the helpers that it has already, and only the places in an
account's hosts are answered. "uninstall" undoes it.`,
		Example: `  oauthd helper install git --write
  oauthd helper install docker --host registry.example.com --write`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return at.each(args, func(_ helpers.Helper, place helpers.Place, steps []helpers.Step) error {
				for _, step := range steps {
					for line := range strings.SplitSeq(step.Text(), "\n") {
						screen.Say(std.out, "%s\n", line)
					}
					if !write {
						continue
					}
					if err := step.Make(cmd.Context()); err != nil {
						return err
					}
				}
				if write {
					warnOfPath(std, steps, place.Links)
				}
				return nil
			})
		},
	}
	at.add(cmd)
	cmd.Flags().BoolVar(&write, "write", false, "make the changes")
	return cmd
}

func newHelperUninstall(std stdio) *cobra.Command {
	var at installation
	cmd := &cobra.Command{
		Use:   "uninstall [NAME]...",
		Short: "undo install --write",
		RunE: func(cmd *cobra.Command, args []string) error {
			return at.each(args, func(h helpers.Helper, _ helpers.Place, steps []helpers.Step) error {
				for _, step := range slices.Backward(steps) {
					if err := step.Unmake(cmd.Context()); err != nil {
						return err
					}
				}
				if !slices.ContainsFunc(steps, changesSomething) {
					screen.Say(std.err, "nothing was changed for %s, so there is nothing to undo\n", h.Name)
					return nil
				}
				screen.Say(std.err, "%s does not ask oauthd any more\n", h.Name)
				return nil
			})
		},
	}
	at.add(cmd)
	return cmd
}

// changesSomething reports whether a step changes anything.
func changesSomething(step helpers.Step) bool {
	_, note := step.(helpers.Note)
	return !note
}

// each does something with the helpers of those names and their steps; with all that stand in no other program's way if
// there are no names.
func (i *installation) each(names []string, do func(h helpers.Helper, place helpers.Place, steps []helpers.Step) error) error {
	place, err := i.place()
	if err != nil {
		return err
	}
	chosen, err := helpersNamed(names)
	if err != nil {
		return err
	}
	var problems error
	for _, h := range chosen {
		err := withSteps(h, place, do)
		if err != nil && len(names) > 0 {
			return err
		}
		problems = errors.Join(problems, err) // one program's configuration does not keep the others from theirs
	}
	return problems
}

func withSteps(h helpers.Helper, place helpers.Place, do func(h helpers.Helper, place helpers.Place, steps []helpers.Step) error) error {
	if h.Steps == nil {
		return do(h, place, nil)
	}
	steps, err := h.Steps(place)
	if err != nil {
		return err
	}
	return do(h, place, steps)
}

func helpersNamed(names []string) (chosen []helpers.Helper, err error) {
	all := helpers.All()
	if len(names) == 0 {
		return slices.DeleteFunc(all, func(h helpers.Helper) bool { return h.OnRequest || h.Steps == nil }), nil
	}
	for _, name := range names {
		i := slices.IndexFunc(all, func(h helpers.Helper) bool { return h.Name == name })
		if i < 0 {
			return nil, badRequest("there is no helper "+api.Excerpt(name), "oauthd helper --help lists them")
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

func (i *installation) place() (helpers.Place, error) {
	self := programPath()
	if self == "" {
		return helpers.Place{}, badRequest("the path of this program is not known", "make the links by hand")
	}
	dir := i.dir
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return helpers.Place{}, badRequest("there is no home directory: "+err.Error(), "set HOME, or give --dir")
		}
		dir = filepath.Join(home, ".local", "bin")
	}
	dir, err := filepath.Abs(dir)
	accounts := func() ([]api.Account, error) {
		c := starting()
		defer c.Close()
		return c.Accounts(context.Background())
	}
	return helpers.Place{Self: self, Quick: quickProgram(self), Links: dir, Hosts: i.hosts, Accounts: accounts}, err
}

// quickProgram returns the path of the program beside oauthd that answers sooner, and leaves to oauthd what it cannot
// answer; on other systems than Linux it never can.
func quickProgram(oauthd string) string {
	beside := filepath.Join(filepath.Dir(oauthd), "oauthd-helper")
	if _, err := os.Stat(beside); err != nil || runtime.GOOS != "linux" {
		return oauthd
	}
	return beside
}

// warnOfPath says so if a link is where no program would find it.
func warnOfPath(std stdio, steps []helpers.Step, links string) {
	linked := slices.ContainsFunc(steps, func(s helpers.Step) bool {
		link, ok := s.(*helpers.Link)
		return ok && filepath.Dir(link.Path) == links
	})
	if linked && !slices.Contains(filepath.SplitList(os.Getenv("PATH")), links) {
		screen.Lines(std.err, "warning: ", links+" is not in PATH, where programs look for their helpers")
	}
}
