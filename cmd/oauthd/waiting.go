package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"oauthd/cmd/oauthd/ask"
	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"

	"golang.org/x/term"
)

// end takes it off the terminal; it may be called again.
func (w *waiting) end() {
	w.once.Do(func() { close(w.stop) })
	<-w.stopped
}

// spin shows text, which is ours, with a spinner and the time left on a terminal, and only the text elsewhere.
func (v *loginView) spin(text string) *waiting {
	w := &waiting{stop: make(chan struct{}), stopped: make(chan struct{})}
	terminal := screen.Raw(v.std.err)
	if !screen.IsTerminal(terminal) {
		fmt.Fprintln(v.std.err, text)
		go func() {
			defer close(w.stopped)
			v.remindUntil(w.stop, v.std.err)
		}()
		return w
	}
	go func() {
		defer close(w.stopped)
		ticker := time.NewTicker(120 * time.Millisecond)
		defer ticker.Stop()
		const frames = `⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏`
		for i := 0; ; i++ {
			left := max(time.Until(v.deadline), 0).Round(time.Second)
			clock := fmt.Sprintf("%d:%02d left", int(left.Minutes()), int(left.Seconds())%60)
			line := text + " " + clock
			if columns := screen.DisplayOf(terminal).Columns; columns > 0 && len(line)+3 >= columns {
				line = clock // a line that wraps cannot be taken back
			}
			fmt.Fprintf(terminal, "\r%c %s \x1b[K", []rune(frames)[i%10], line)
			select {
			case <-ticker.C:
			case <-v.due():
				fmt.Fprint(terminal, "\r\x1b[K")
				v.reminder.print(v.std.err)
			case <-w.stop:
				fmt.Fprint(terminal, "\r\x1b[K")
				return
			}
		}
	}()
	return w
}

// due returns the channel of the reminder, nil if there is none.
func (v *loginView) due() <-chan time.Time {
	if v.reminder == nil {
		return nil
	}
	return v.reminder.due
}

// remindUntil waits for stop, and prints the reminder to w if it falls due before.
func (v *loginView) remindUntil(stop <-chan struct{}, w io.Writer) {
	for {
		select {
		case <-v.due():
			v.reminder.print(w)
		case <-stop:
			return
		}
	}
}

// promptPaste asks for the address the browser was sent to, again and again, and hands what comes to the daemon. The
// terminal is read raw, because a line in its own editing mode ends at 1,024 bytes on some systems.
func (v *loginView) promptPaste(loginID string) *waiting {
	in, ok := v.std.in.(*os.File)
	if !ok {
		return v.spin(waitsForBrowser)
	}
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return v.spin(waitsForBrowser)
	}
	w := &waiting{stop: make(chan struct{}), stopped: make(chan struct{})}
	prompt := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, screen.Raw(v.std.err)}, "")
	w.prompt = prompt
	if width, height, err := term.GetSize(int(in.Fd())); err == nil && width > 0 {
		_ = prompt.SetSize(width, height)
	}
	// When the browser is first this stays in its read, and ends with the process.
	go func() {
		for {
			line, err := prompt.ReadPassword("paste the address here; it does not show, and Ctrl-C gives up: ") // the code is in it
			if err != nil && !errors.Is(err, term.ErrPasteIndicator) {
				v.interrupt() // Ctrl-C or Ctrl-D, which a raw terminal makes no signal of
				return
			}
			switch {
			case strings.TrimSpace(line) == "":
				continue
			case len(line) >= ask.MaxTyped:
				fmt.Fprintf(prompt, "it is too long to be pasted here\nsave it to a file, and in another terminal: oauthd login %s --paste - <FILE\n", v.name)
				continue
			}
			err = v.client.Callback(v.ctx, loginID, line)
			if err == nil || v.ctx.Err() != nil {
				w.once.Do(func() { close(w.stop) }) // so that Ctrl-C is a signal again while the code is exchanged
				return
			}
			e := api.AsError(err)
			fmt.Fprintf(prompt, "%s\n%s\n", api.Lines(e.Message), api.Lines(e.Hint))
		}
	}()
	go func() {
		defer close(w.stopped)
		v.remindUntil(w.stop, prompt)
		_ = term.Restore(int(in.Fd()), before)
		fmt.Fprintln(v.std.err)
	}()
	return w
}
