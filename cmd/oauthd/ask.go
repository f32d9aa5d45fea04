package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"

	"golang.org/x/term"
)

// asker asks a person at a terminal, step by step. A line is edited as in a shell, with the answers given before as its
// history; secrets never get into that.
type asker struct {
	ctx  context.Context // ends with SIGTERM, which a read from a terminal does not notice
	std  stdio
	in   *os.File
	line *term.Terminal
}

// question is asked until it is answered well.
type question struct {
	text      string
	suggested string   // what Enter answers; "" for nothing
	explain   string   // what ? answers
	choices   []choice // shown before the question, to be chosen by number or name
	names     []string // more answers for Tab to complete
	other     bool     // anything that check takes may be answered instead of a choice
	files     bool     // the answer is the name of a file, which Tab completes
	check     func(answer string) error
}

// choice is one of several answers; a title of "" leaves its name alone in the list.
type choice struct{ name, title string }

// canAsk reports whether a person can be asked: both ends are a terminal, and this process is in front of it.
func canAsk(std stdio) bool {
	in, ok := std.in.(*os.File)
	return ok && screen.IsTerminal(in) && screen.IsTerminal(std.err) && inForeground(in)
}

func newAsker(ctx context.Context, std stdio) (*asker, error) {
	in, ok := std.in.(*os.File)
	if !ok {
		return nil, badRequest("there is no terminal to ask at", "oauthd VERB --help shows how to say it all at once")
	}
	screen.EndProgress(std.err)
	line := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, screen.Raw(std.err)}, "")
	return &asker{ctx: ctx, std: std, in: in, line: line}, nil
}

// ask returns the answer to q.
func (a *asker) ask(q question) (string, error) {
	a.list(q.choices)
	if more := len(q.names) - len(q.choices); more > 0 {
		fmt.Fprintf(a.std.err, "     … and %d more: ? lists them, Tab completes a name\n", more)
	}
	for {
		answer, err := a.answer(q)
		switch {
		case err != nil:
			return "", err
		case answer == "?" && q.explain != "":
			a.note(q.explain)
			continue
		case answer == "":
			answer = q.suggested
		}
		if answer, err = q.judge(answer); err == nil {
			return answer, nil
		}
		a.complain(err)
	}
}

// yes returns whether the answer to a question is yes, which is also what Enter answers.
func (a *asker) yes(text, explain string) (bool, error) {
	answer, err := a.ask(question{text: text, suggested: "yes", explain: explain, check: func(s string) error {
		if s := strings.ToLower(s); s == "" || !strings.HasPrefix("yes", s) && !strings.HasPrefix("no", s) {
			return errors.New("answer yes or no")
		}
		return nil
	}})
	return strings.HasPrefix(strings.ToLower(answer), "y"), err
}

// secret returns what nobody sees typed.
func (a *asker) secret(text, explain string) (api.Confidential, error) {
	for {
		answer, err := a.read(func() (string, error) { return a.line.ReadPassword(api.Printable(text) + ": ") })
		switch {
		case err != nil:
			return "", err
		case answer == "?" && explain != "":
			a.note(explain)
		case len(answer) >= maxTyped:
			a.complain(errTooLong)
		default:
			return api.Confidential(answer), nil
		}
	}
}

// list shows choices, the short ones in columns.
func (a *asker) list(choices []choice) {
	plain := !slices.ContainsFunc(choices, func(c choice) bool { return c.title != "" })
	longest := 0
	for _, c := range choices {
		longest = max(longest, len(c.name))
	}
	columns := max(1, (cmp.Or(width(screen.Raw(a.std.err)), 80)-2)/(longest+6))
	rows := (len(choices) + columns - 1) / columns
	for row := range rows {
		if !plain {
			break
		}
		line := ""
		for i := row; i < len(choices); i += rows {
			line += fmt.Sprintf("%4d %-*s ", i+1, longest, choices[i].name)
		}
		screen.Say(a.std.err, "%s\n", strings.TrimRight(line, " "))
	}
	for i, c := range choices {
		if !plain {
			screen.Say(a.std.err, "%4d  %-*s  %s\n", i+1, longest, c.name, c.title)
		}
	}
}

// note shows an explanation, indented.
func (a *asker) note(text string) { a.paragraph("  ", text) }

// paragraph shows text in lines that begin with indent and fit the terminal.
func (a *asker) paragraph(indent, text string) {
	most := min(cmp.Or(width(screen.Raw(a.std.err)), 80), 80) - 1
	for _, line := range screen.Wrap(text, most-len(indent)) {
		screen.Say(a.std.err, "%s\n", indent+line)
	}
}

// complain says what is wrong with an answer.
func (a *asker) complain(err error) {
	var e *api.Error
	if !errors.As(err, &e) {
		screen.Say(a.std.err, "  %v\n", err)
		return
	}
	screen.Lines(a.std.err, "  ", e.Message)
	if e.Hint != "" {
		screen.Lines(a.std.err, "  hint: ", e.Hint)
	}
}

// answer reads one line.
func (a *asker) answer(q question) (string, error) {
	prompt := q.text + ": "
	if q.suggested != "" {
		prompt = q.text + " [" + q.suggested + "]: "
	}
	a.line.SetPrompt(api.Printable(prompt))
	a.line.AutoCompleteCallback = q.complete
	return a.read(a.line.ReadLine)
}

// read calls read on a terminal that gives every key as it is pressed. Ctrl-C and Ctrl-D, which no longer are signals
// then, end the questions; a read that ctx ends stays behind until the process ends.
func (a *asker) read(read func() (string, error)) (string, error) {
	fd := int(a.in.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return "", fileProblem("the terminal", err)
	}
	if columns, rows, err := term.GetSize(fd); err == nil && columns > 0 {
		_ = a.line.SetSize(columns, rows)
	}
	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		text, err := read()
		got <- answer{text, err}
	}()
	var given answer
	select {
	case given = <-got:
	case <-a.ctx.Done():
		given.err = a.ctx.Err()
	}
	_ = term.Restore(fd, before)
	if given.err != nil {
		fmt.Fprintln(a.std.err)
		if errors.Is(given.err, io.EOF) {
			given.err = context.Canceled
		}
	}
	return strings.TrimSpace(given.text), given.err
}

var errTooLong = errors.New("that is too long to be typed here")

// judge returns the answer that was meant, or what is wrong with it.
func (q question) judge(answer string) (string, error) {
	switch {
	case len(answer) >= maxTyped:
		return "", errTooLong
	case api.Printable(answer) != answer:
		return "", errors.New("there are characters in it that do not show; type it instead of pasting it")
	}
	if n, err := strconv.Atoi(answer); err == nil && n >= 1 && n <= len(q.choices) {
		answer = q.choices[n-1].name
	}
	known := slices.ContainsFunc(q.choices, func(c choice) bool { return c.name == answer })
	if len(q.choices) > 0 && !known && !q.other {
		return "", fmt.Errorf("answer with a number from 1 to %d, or a name from the list", len(q.choices))
	}
	if q.files {
		answer = fromHome(answer)
	}
	if q.check == nil {
		return answer, nil
	}
	return answer, q.check(answer)
}
