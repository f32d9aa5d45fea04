package screen

import (
	"bytes"
	"encoding/json"
	"io"

	"oauthd/ipc/api"
)

// JSON prints v as indented JSON.
func JSON(w io.Writer, v any) error { return encodeJSON(w, v, "  ") }

// JSONLine prints v as JSON on one line.
func JSONLine(w io.Writer, v any) error { return encodeJSON(w, v, "") }

// encodeJSON writes what must not be shown as escapes, which mean the same to a program.
func encodeJSON(w io.Writer, v any, indent string) error {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetIndent("", indent)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(api.EscapeJSON(text.Bytes()))
	return err
}
