package main

import (
	"io"

	"oauthd/ipc/api"

	"github.com/rs/zerolog"
)

// escaped writes a log's lines of JSON with every character that must not be shown as an escape.
type escaped struct{ to io.Writer }

// Write takes whole lines, as zerolog gives them.
func (e escaped) Write(lines []byte) (int, error) {
	if _, err := e.to.Write(api.EscapeJSON(lines)); err != nil {
		return 0, err
	}
	return len(lines), nil
}

// consoleLog returns a writer of log lines for a person at a terminal.
func consoleLog(terminal io.Writer) zerolog.ConsoleWriter {
	return zerolog.ConsoleWriter{Out: terminal, TimeFormat: "15:04:05", FormatPrepare: textOnly}
}

// textOnly filters the fields of a log line that is about to be shown on a terminal, with colours of our own.
func textOnly(fields map[string]any) error {
	for name, value := range fields {
		fields[name] = textIn(value)
	}
	return nil
}

func textIn(value any) any {
	switch value := value.(type) {
	case string:
		return api.Printable(value)
	case []any:
		for i := range value {
			value[i] = textIn(value[i])
		}
	case map[string]any:
		_ = textOnly(value)
	}
	return value
}
