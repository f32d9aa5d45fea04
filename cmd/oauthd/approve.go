package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
	"oauthd/ipc/client"

	"github.com/spf13/cobra"
)

func newApprove(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "approve [ID]",
		Short: "answer whether a program may use an account",
		Long: `Shows the question that waits for an answer, or the one of that id, and reads the
answer from the terminal. It has to be another terminal than that of the program which
asks: that program cannot answer for you.

Questions come from accounts with confirm = "first" or "always" in their files.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c := existing()
			defer c.Close()
			all, err := c.Consents(cmd.Context())
			if err != nil {
				return err
			}
			q, err := chosenQuestion(all.Questions, args)
			if err != nil {
				return err
			}
			if q == nil {
				screen.Say(std.err, "No program waits for an answer.\n")
				return nil
			}
			tty, err := ownTerminal()
			if err != nil {
				return badRequest("approve reads the answer from a terminal, and there is none", "run it in a terminal: oauthd approve "+q.ID)
			}
			defer tty.Close()
			return approve(cmd.Context(), std, c, *q, tty)
		},
	}
}

// ownTerminal opens the process's own terminal, whatever its standard input is.
func ownTerminal() (*os.File, error) {
	if runtime.GOOS == "windows" {
		return os.OpenFile("CONIN$", os.O_RDWR, 0)
	}
	return os.OpenFile("/dev/tty", os.O_RDWR, 0)
}

// chosenQuestion returns the question of the id that is given, else the only one; nil if there is none.
func chosenQuestion(all []api.Question, args []string) (*api.Question, error) {
	if len(args) > 0 {
		for i := range all {
			if all[i].ID == args[0] {
				return &all[i], nil
			}
		}
		return nil, badRequest("no question "+api.Excerpt(args[0])+" waits for an answer", "oauthd policy list shows those that do")
	}
	switch len(all) {
	case 0:
		return nil, nil
	case 1:
		return &all[0], nil
	}
	var ids []string
	for _, q := range all {
		ids = append(ids, fmt.Sprintf("%s (%s for %s)", q.ID, api.Excerpt(q.Caller.Executable), q.Account))
	}
	return nil, badRequest("several questions wait: "+strings.Join(ids, ", "), "answer one by its number: oauthd approve "+all[0].ID)
}

// answerTexts say what the answers mean.
var answerTexts = map[string]string{
	api.ConsentOnce:   "once",
	api.ConsentHour:   "for an hour",
	api.ConsentLock:   "until oauthd is locked",
	api.ConsentHours:  "for eight hours",
	api.ConsentAlways: "always",
	api.ConsentDeny:   "no",
}

func approve(ctx context.Context, std stdio, c *client.Client, q api.Question, tty io.Reader) error {
	screen.Say(std.err, "May this program use the account %s?\n\n", q.Account)
	if err := screen.Table(std.err, append([][]string{{"EVIDENCE", "VALUE"}}, evidenceRows(q.Caller)...)); err != nil {
		return err
	}
	screen.Say(std.err, "\nIt wants tokens for %s.\n\n", api.ScopesText(q.Scopes, "all that the account may do"))
	for i, answer := range q.Answers {
		screen.Say(std.err, "  %d  %s\n", i+1, answerTexts[answer])
	}
	if q.Always != "" {
		verb := "shows this rule for"
		if q.Managed {
			verb = "writes into"
		}
		screen.Say(std.err, "\n\"always\" %s %s:\n  %s\n", verb, q.File, strings.ReplaceAll(q.Always, "\n", "\n  "))
	}
	screen.Say(std.err, "\nAnswer (1 to %d, Enter for nothing): ", len(q.Answers))
	line, err := bufio.NewReader(io.LimitReader(tty, 100)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	line = strings.TrimSpace(line)
	n, err := strconv.Atoi(line)
	if line == "" || err != nil || n < 1 || n > len(q.Answers) {
		return badRequest("no answer was given", "oauthd approve "+q.ID+" asks again, while the program waits")
	}
	taken, err := c.AnswerConsent(ctx, q.ID, q.Answers[n-1])
	if err != nil {
		return err
	}
	switch {
	case taken.Written:
		screen.Say(std.err, "Written into %s.\n", taken.File)
	case taken.Rule != "":
		screen.Say(std.err, "Add this to %s, which is yours:\n\n%s\n", taken.File, taken.Rule)
	}
	return nil
}
