// Package ask asks a person at a terminal: questions with explanations, choices, completion and history, and secrets that
// nobody sees typed. A wrong answer is explained and asked for again.
package ask

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

// Asker asks a person at a terminal, step by step. A line is edited as in a shell, with the answers given before as its
// history; secrets never get into that.
type Asker struct {
	ctx  context.Context // ends with SIGTERM, which a read from a terminal does not notice
	in   *os.File
	out  io.Writer
	line *term.Terminal
}

// MaxTyped is where golang.org/x/term cuts a line off, without a word.
const MaxTyped = 4096

// Question is asked until it is answered well.
type Question struct {
	Text      string
	Suggested string   // what Enter answers; "" for nothing
	Explain   string   // what ? answers
	Choices   []Choice // shown before the question, to be chosen by number or name
	Names     []string // more answers for Tab to complete
	Other     bool     // anything that check takes may be answered instead of a choice
	Files     bool     // the answer is the name of a file, which Tab completes
	Check     func(answer string) error
}

// Choice is one of several answers; a Title of "" leaves its name alone in the list.
type Choice struct{ Name, Title string }

// Possible reports whether a person can be asked: both ends are a terminal, and this process is in front of it.
func Possible(in io.Reader, out io.Writer) bool {
	f, ok := in.(*os.File)
	return ok && screen.IsTerminal(f) && screen.IsTerminal(out) && inForeground(f)
}

// New returns an Asker that reads from the terminal in, and writes questions to out, until ctx ends.
func New(ctx context.Context, in io.Reader, out io.Writer) (*Asker, error) {
	f, ok := in.(*os.File)
	if !ok {
		return nil, &api.Error{Code: api.BadRequest, Message: "there is no terminal to ask at", Hint: sayAtOnce}
	}
	screen.EndProgress(out)
	line := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{f, screen.Raw(out)}, "")
	return &Asker{ctx: ctx, in: f, out: out, line: line}, nil
}

const sayAtOnce = "oauthd VERB --help shows how to say it all at once"

// Ask returns the answer to q.
func (a *Asker) Ask(q Question) (string, error) {
	a.list(q.Choices)
	if more := len(q.Names) - len(q.Choices); more > 0 {
		fmt.Fprintf(a.out, "     … and %d more: ? lists them, Tab completes a name\n", more)
	}
	for {
		answer, err := a.answer(q)
		switch {
		case err != nil:
			return "", err
		case answer == "?" && q.Explain != "":
			a.note(q.Explain)
			continue
		case answer == "":
			answer = q.Suggested
		}
		if answer, err = q.judge(answer); err == nil {
			return answer, nil
		}
		a.Complain(err)
	}
}

// Yes returns whether the answer to a question is yes, which is also what Enter answers.
func (a *Asker) Yes(text, explain string) (bool, error) {
	answer, err := a.Ask(Question{Text: text, Suggested: "yes", Explain: explain, Check: func(s string) error {
		if s := strings.ToLower(s); s == "" || !strings.HasPrefix("yes", s) && !strings.HasPrefix("no", s) {
			return errors.New("answer yes or no")
		}
		return nil
	}})
	return strings.HasPrefix(strings.ToLower(answer), "y"), err
}

// Secret returns what nobody sees typed.
func (a *Asker) Secret(text, explain string) (api.Confidential, error) {
	for {
		answer, err := a.read(func() (string, error) { return a.line.ReadPassword(api.Printable(text) + ": ") })
		switch {
		case err != nil:
			return "", err
		case answer == "?" && explain != "":
			a.note(explain)
		case len(answer) >= MaxTyped:
			a.Complain(errTooLong)
		default:
			return api.Confidential(answer), nil
		}
	}
}

// list shows choices, the short ones in columns.
func (a *Asker) list(choices []Choice) {
	plain := !slices.ContainsFunc(choices, func(c Choice) bool { return c.Title != "" })
	longest := 0
	for _, c := range choices {
		longest = max(longest, len(c.Name))
	}
	columns := max(1, (cmp.Or(screen.DisplayOf(a.out).Columns, 80)-2)/(longest+6))
	rows := (len(choices) + columns - 1) / columns
	for row := range rows {
		if !plain {
			break
		}
		line := ""
		for i := row; i < len(choices); i += rows {
			line += fmt.Sprintf("%4d %-*s ", i+1, longest, choices[i].Name)
		}
		screen.Say(a.out, "%s\n", strings.TrimRight(line, " "))
	}
	for i, c := range choices {
		if !plain {
			screen.Say(a.out, "%4d  %-*s  %s\n", i+1, longest, c.Name, c.Title)
		}
	}
}

// note shows an explanation, indented.
func (a *Asker) note(text string) { a.Paragraph("  ", text) }

// Paragraph shows text in lines that begin with indent and fit the terminal.
func (a *Asker) Paragraph(indent, text string) {
	most := min(cmp.Or(screen.DisplayOf(a.out).Columns, 80), 80) - 1
	for _, line := range screen.Wrap(text, most-len(indent)) {
		screen.Say(a.out, "%s\n", indent+line)
	}
}

// Complain says what is wrong with an answer.
func (a *Asker) Complain(err error) {
	var e *api.Error
	if !errors.As(err, &e) {
		screen.Say(a.out, "  %v\n", err)
		return
	}
	screen.Lines(a.out, "  ", e.Message)
	if e.Hint != "" {
		screen.Lines(a.out, "  hint: ", e.Hint)
	}
}

// answer reads one line.
func (a *Asker) answer(q Question) (string, error) {
	prompt := q.Text + ": "
	if q.Suggested != "" {
		prompt = q.Text + " [" + q.Suggested + "]: "
	}
	a.line.SetPrompt(api.Printable(prompt))
	a.line.AutoCompleteCallback = q.complete
	return a.read(a.line.ReadLine)
}

// read calls read on a terminal that gives every key as it is pressed. Ctrl-C and Ctrl-D, which no longer are signals
// then, end the questions; a read that ctx ends stays behind until the process ends.
func (a *Asker) read(read func() (string, error)) (string, error) {
	fd := int(a.in.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return "", &api.Error{Code: api.BadRequest, Message: "the terminal cannot be read: " + api.Excerpt(err.Error()), Hint: sayAtOnce}
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
		fmt.Fprintln(a.out)
		if errors.Is(given.err, io.EOF) {
			given.err = context.Canceled
		}
	}
	return strings.TrimSpace(given.text), given.err
}

var errTooLong = errors.New("that is too long to be typed here")

// judge returns the answer that was meant, or what is wrong with it.
func (q Question) judge(answer string) (string, error) {
	switch {
	case len(answer) >= MaxTyped:
		return "", errTooLong
	case api.Printable(answer) != answer:
		return "", errors.New("there are characters in it that do not show; type it instead of pasting it")
	}
	if n, err := strconv.Atoi(answer); err == nil && n >= 1 && n <= len(q.Choices) {
		answer = q.Choices[n-1].Name
	}
	known := slices.ContainsFunc(q.Choices, func(c Choice) bool { return c.Name == answer })
	if len(q.Choices) > 0 && !known && !q.Other {
		return "", fmt.Errorf("answer with a number from 1 to %d, or a name from the list", len(q.Choices))
	}
	if q.Files {
		answer = fromHome(answer)
	}
	if q.Check == nil {
		return answer, nil
	}
	return answer, q.Check(answer)
}
