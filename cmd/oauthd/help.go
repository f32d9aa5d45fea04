package main

import (
	"cmp"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpColumns is how wide help may be: what every terminal has.
const helpColumns = 80

func newHelp(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "help [VERB | TOPIC]",
		Short: "explain a verb or a topic",
		Long: `Explains a verb, as "oauthd VERB --help" does, or a topic. Without either it lists
them all.`,
		Example: `  oauthd help login
  oauthd help clients`,
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			if len(args) == 0 {
				return root.Help()
			}
			if t, ok := findTopic(args[0]); ok && len(args) == 1 {
				d := screen.DisplayOf(std.out)
				if _, err := io.WriteString(screen.Raw(std.out), screen.Markdown(t.text, d, helpColumns)); err != nil {
					return err
				}
				if verb, _, err := root.Find(args); err == nil && verb != root {
					screen.Say(std.out, "\noauthd %s --help explains the verb of that name.\n", t.name)
				}
				return nil
			}
			found, rest, err := root.Find(args)
			if err != nil || found == root || len(rest) > 0 {
				return noHelp(root, args)
			}
			return found.Help()
		},
	}
}

// noHelp says that there is no help about args, and what there is instead.
func noHelp(root *cobra.Command, args []string) error {
	var names []string
	for _, c := range root.Commands() {
		if !c.Hidden {
			names = append(names, c.Name())
		}
	}
	for _, t := range topics() {
		names = append(names, t.name)
	}
	asked := api.Excerpt(strings.Join(args, " "))
	near := suggesting(args[0], names, "oauthd help ")
	if len(args) > 1 && slices.Contains(names, args[0]) {
		near = "did you mean oauthd help " + args[0] + "? "
	}
	hint := near + "oauthd help lists the verbs and topics"
	return badRequest(fmt.Sprintf("there is no help about %q", asked), hint)
}

// showHelp prints the help of a command.
func showHelp(std stdio, c *cobra.Command) {
	c.InitDefaultHelpFlag()
	c.InitDefaultVersionFlag()
	d := screen.DisplayOf(std.out)
	var b strings.Builder
	title := func(text string) { fmt.Fprintf(&b, "\n%s\n", d.Paint(screen.Bold, text)) }
	if !c.Runnable() && !c.HasSubCommands() { // a page
		_, _ = io.WriteString(screen.Raw(std.out), strings.TrimRight(c.Long, "\n")+"\n")
		return
	}
	b.WriteString(reflow(cmp.Or(c.Long, c.Short), helpColumns))
	title("Usage:")
	fmt.Fprintf(&b, "  %s\n", usageLine(c))
	if c.HasAvailableSubCommands() && c.HasParent() {
		fmt.Fprintf(&b, "  %s VERB\n", c.CommandPath())
	}
	if c.HasExample() {
		title("Examples:")
		fmt.Fprintln(&b, c.Example)
	}
	commandLists(c, title, func(name, about string) { fmt.Fprintf(&b, "  %-12s %s\n", name, about) })
	if c.HasAvailableLocalFlags() {
		title("Flags:")
		b.WriteString(flagLines(c.LocalFlags()))
	}
	if !c.HasParent() {
		b.WriteString("\noauthd help VERB, or VERB --help, explains a verb; oauthd help TOPIC a topic.\n")
	}
	_, _ = io.WriteString(screen.Raw(std.out), b.String())
}

// commandLists lists the verbs below c in their groups, and the topics below the program itself.
func commandLists(c *cobra.Command, title func(string), item func(name, about string)) {
	subs := c.Commands()
	slices.SortStableFunc(subs, func(a, b *cobra.Command) int { return cmp.Compare(a.Annotations[rank], b.Annotations[rank]) })
	list := func(heading, group string) {
		for _, sub := range subs {
			if sub.GroupID != group || !sub.IsAvailableCommand() && sub.Name() != "help" {
				continue
			}
			if heading != "" {
				title(heading)
				heading = ""
			}
			item(sub.Name(), sub.Short)
		}
	}
	for _, g := range c.Groups() {
		list(g.Title, g.ID)
	}
	list("Verbs:", "")
	if c.HasParent() {
		return
	}
	title("Topics:")
	for _, t := range topics() {
		item(t.name, t.about)
	}
}

// usageLine is how a command is written.
func usageLine(c *cobra.Command) string {
	line := c.CommandPath() + strings.TrimPrefix(c.Use, c.Name())
	flags := false
	c.LocalFlags().VisitAll(func(f *pflag.Flag) { flags = flags || !f.Hidden && f.Name != "help" && f.Name != "version" })
	if flags && !strings.Contains(c.Use, "-") {
		line += " [flags]"
	}
	return line
}

// reflow wraps the paragraphs of text again. Lines that are indented stay as they are.
func reflow(text string, columns int) string {
	var b strings.Builder
	var paragraph []string
	end := func() {
		if len(paragraph) > 0 {
			fmt.Fprintln(&b, strings.Join(screen.Wrap(strings.Join(paragraph, " "), columns), "\n"))
		}
		paragraph = nil
	}
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		if line != "" && line[0] != ' ' {
			paragraph = append(paragraph, line)
			continue
		}
		end()
		fmt.Fprintln(&b, line)
	}
	end()
	return b.String()
}

// rank is the annotation that says where a verb is in its group: the more a person needs it the sooner.
const rank = "rank"

// flagLines describes flags within the columns of help.
func flagLines(flags *pflag.FlagSet) string {
	return strings.TrimRight(flags.FlagUsagesWrapped(helpColumns), "\n") + "\n"
}
