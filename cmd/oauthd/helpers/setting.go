package helpers

import (
	"bytes"
	"context"
	"errors"
	"regexp"

	"oauthd/ipc/api"

	"github.com/pelletier/go-toml/v2"
)

// Setting is a key in a table of a TOML file. Everything else in the file stays as it was written.
type Setting struct {
	File, Table, Key string
	Value            string // in TOML, on one line
}

func (s *Setting) line() []byte { return []byte(s.Key + " = " + s.Value + "\n") }

// header begins the table if the file has none. The remark shows that it came with the setting.
func (s *Setting) header() []byte { return []byte("[" + s.Table + "] # for oauthd\n") }

// Text implements [Step].
func (s *Setting) Text() string {
	return "# in " + s.File + ":\n[" + s.Table + "]\n" + string(bytes.TrimSpace(s.line()))
}

// Make implements [Step]. A key with another value is an error: it is the person's.
func (s *Setting) Make(context.Context) error {
	return edit(s.File, func(old []byte) ([]byte, error) {
		if s.find(old) >= 0 {
			return old, nil
		}
		if toml.Unmarshal(old, &map[string]any{}) != nil {
			return nil, errors.New("it is not TOML")
		}
		changed := s.insert(old)
		if toml.Unmarshal(changed, &map[string]any{}) != nil { // the key, or the table in another notation, is there
			return nil, &api.Error{Code: api.BadRequest, Message: s.Table + "." + s.Key + " in " + api.Excerpt(s.File) + " is there already, or cannot be added",
				Hint: "set it by hand, for instance to " + s.Value}
		}
		return changed, nil
	})
}

// Unmake implements [Step]. The header goes too if it came with the setting, and if the table has nothing else.
func (s *Setting) Unmake(context.Context) error {
	return edit(s.File, func(old []byte) ([]byte, error) {
		i := s.find(old)
		if i < 0 {
			return old, nil
		}
		before, after := old[:i:i], old[i+len(s.line()):]
		if rest := bytes.TrimSpace(after); len(rest) == 0 || rest[0] == '[' {
			before = bytes.TrimSuffix(before, s.header())
		}
		return append(before[:len(before):len(before)], after...), nil
	})
}

// find returns where the setting's line begins in text; -1 if it is not there.
func (s *Setting) find(text []byte) int {
	return (&Block{Body: string(s.line())}).find(text)
}

// insert returns text with the setting's line behind the header of its table.
func (s *Setting) insert(text []byte) []byte {
	header := regexp.MustCompile(`(?m)^[ \t]*\[[ \t]*` + regexp.QuoteMeta(s.Table) + `[ \t]*\][ \t]*(#.*)?(\n|$)`)
	at := header.FindIndex(text)
	if at == nil {
		text = append(ended(text), s.header()...)
		return append(text, s.line()...)
	}
	head := ended(bytes.Clone(text[:at[1]]))
	return append(append(head, s.line()...), text[at[1]:]...)
}

// ended returns text whose last line has its end.
func ended(text []byte) []byte {
	if len(text) > 0 && text[len(text)-1] != '\n' {
		return append(text, '\n')
	}
	return text
}
