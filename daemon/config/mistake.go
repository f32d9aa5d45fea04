package config

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"oauthd/ipc/api"
	"oauthd/ipc/own"
)

// Mistake is one thing wrong in one file.
type Mistake struct {
	File string
	Line int // 0 when it concerns the whole file
	Text string
}

// String is on one line, whatever the file is called and holds.
func (m Mistake) String() string {
	file, text := api.Printable(m.File), api.Printable(m.Text)
	if m.Line == 0 {
		return file + ": " + text
	}
	return fmt.Sprintf("%s:%d: %s", file, m.Line, text)
}

// Invalid is the error of [Load]: every mistake in every file.
type Invalid struct{ Mistakes []Mistake }

func (e *Invalid) Error() string {
	lines := make([]string, len(e.Mistakes))
	for i, m := range e.Mistakes {
		lines[i] = m.String()
	}
	return strings.Join(lines, "\n")
}

// In returns the mistakes of one file, or nil.
func (e *Invalid) In(file string) *Invalid {
	var found []Mistake
	for _, m := range e.Mistakes {
		if m.File == file {
			found = append(found, m)
		}
	}
	if found == nil {
		return nil
	}
	return &Invalid{found}
}

// reason words why file cannot be read, without its path, which the mistake names already.
func reason(file string, err error) string {
	var refused *own.Refused
	if errors.As(err, &refused) {
		text := refused.Why
		if refused.Path != file {
			text = "cannot be trusted: " + refused.Error()
		}
		if refused.Hint != "" {
			text += "; " + refused.Hint
		}
		return text
	}
	if errors.Is(err, own.ErrUTF16) {
		return err.Error()
	}
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return "cannot be read: " + pathErr.Err.Error()
	}
	return "cannot be read: " + err.Error()
}
