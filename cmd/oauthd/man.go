package main

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/own"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newMan writes the pages of the command that all returns.
func newMan(std stdio, all func(stdio) *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "write manual pages into a directory",
		Long: `Writes a manual page for oauthd and one for each verb into DIR, which is made if it
is not there: oauthd.1, oauthd-token.1 and so on; and one for each topic of help:
oauthd-git.7 and so on, which go into man7 beside it if DIR is a man1. Pages that
are there already are replaced.`,
		Example: `  oauthd man ~/.local/share/man/man1
  oauthd man . && man -l oauthd-token.1 && man -l oauthd-git.7`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "" {
				return badRequest("the directory is empty", "oauthd man DIR")
			}
			at, err := filepath.Abs(args[0])
			if err != nil {
				return fileProblem(args[0], err)
			}
			n, err := intoDir(at, func(dir *own.Dir) (int, error) { return writePages(dir, all(std)) })
			if err != nil {
				return err
			}
			screen.Say(std.err, "%d manual pages written to %s\n", n, args[0])
			if n, err = intoDir(topicsDir(at), writeTopics); err != nil {
				return err
			}
			screen.Say(std.err, "%d pages of topics written to %s\n", n, topicsDir(args[0]))
			return nil
		},
	}
}

// intoDir has write write into the directory at path, which is made if it is not there.
func intoDir(path string, write func(*own.Dir) (int, error)) (int, error) {
	dir, err := own.Make(path)
	if err != nil {
		return 0, fileProblem(path, err)
	}
	defer dir.Close()
	return write(dir)
}

// writePages writes the pages of c and of what is below it, and returns how many there are.
func writePages(dir *own.Dir, c *cobra.Command) (n int, err error) {
	if c.Hidden {
		return 0, nil
	}
	if err := writePage(dir, manName(c)+".1", manPage(c)); err != nil {
		return 0, err
	}
	n = 1
	for _, sub := range c.Commands() {
		more, err := writePages(dir, sub)
		if err != nil {
			return n, err
		}
		n += more
	}
	return n, nil
}

func manName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// manPage returns the manual page of a command in the macros of man(7). cobra's own generator goes by Markdown, for
// which it brings two libraries: half a megabyte, and 0.4 ms at the start of every program.
func manPage(c *cobra.Command) string {
	c.InitDefaultHelpFlag()
	c.InitDefaultVersionFlag()
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 \"\" %s \"oauthd manual\"\n", roffQuoted(strings.ToUpper(manName(c))), roffQuoted("oauthd "+release))
	section := func(title string) { fmt.Fprintf(&b, ".SH %s\n", title) }
	section("NAME")
	fmt.Fprintf(&b, "%s \\- %s\n", roff(manName(c)), roff(c.Short))
	if c.Runnable() {
		section("SYNOPSIS")
		fmt.Fprintf(&b, ".nf\n%s\n", roff(usageLine(c)))
		if c.HasAvailableSubCommands() && c.HasParent() {
			fmt.Fprintf(&b, "%s VERB\n", roff(c.CommandPath()))
		}
		b.WriteString(".fi\n")
	}
	section("DESCRIPTION")
	roffText(&b, cmp.Or(c.Long, c.Short+"."))
	commandLists(c, func(title string) { section(roff(strings.ToUpper(strings.TrimSuffix(title, ":")))) }, func(name, about string) {
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(name), roff(about))
	})
	if c.HasAvailableLocalFlags() {
		section("OPTIONS")
		c.LocalFlags().VisitAll(func(f *pflag.Flag) { roffFlag(&b, f) })
	}
	if c.HasExample() {
		section("EXAMPLES")
		roffText(&b, c.Example)
	}
	section("SEE ALSO")
	b.WriteString(strings.Join(related(c), " ,\n") + "\n")
	return b.String()
}

// related names the pages beside that of c.
func related(c *cobra.Command) (pages []string) {
	add := func(other *cobra.Command) {
		if !other.Hidden {
			pages = append(pages, ".BR "+roff(manName(other))+" (1)")
		}
	}
	if c.HasParent() {
		add(c.Parent())
	}
	for _, sub := range c.Commands() {
		add(sub)
	}
	if !c.HasParent() {
		for _, t := range topics() {
			pages = append(pages, ".BR "+roff("oauthd-"+t.name)+" (7)")
		}
	}
	return pages
}
