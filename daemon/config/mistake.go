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
	Line int // 0 if the mistake is about the whole file
	Text string
}

// String is always one line, whatever the name and the content of the file.
func (m Mistake) String() string {
	file, text := api.Printable(m.File), api.Printable(m.Text)
	if m.Line == 0 {
		return file + ": " + text
	}
	return fmt.Sprintf("%s:%d: %s", file, m.Line, text)
}

// Invalid is every mistake in every file.
type Invalid struct{ Mistakes []Mistake }

// Error returns one line for each mistake.
func (e *Invalid) Error() string {
	lines := make([]string, len(e.Mistakes))
	for i, m := range e.Mistakes {
		lines[i] = m.String()
	}
	return strings.Join(lines, "\n")
}

// In returns the mistakes in one file; nil if there are none.
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

// reason says why file cannot be read, without its path, which the mistake names already.
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
