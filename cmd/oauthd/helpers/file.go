package helpers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"oauthd/ipc/api"
	"oauthd/ipc/own"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"
)

// mostFile is how large a configuration file may be that is changed, in bytes.
const mostFile = 4 << 20

// Block is a piece of text in a configuration file, at its end.
type Block struct {
	File, Body string // the body ends with a newline
	// Other is what cannot be beside the block, because the program takes one of them alone; nil if there is no such thing.
	Other *regexp.Regexp
}

// Text implements [Step].
func (b *Block) Text() string { return "# in " + b.File + ":\n" + strings.TrimSuffix(b.Body, "\n") }

// Make implements [Step].
func (b *Block) Make(context.Context) error {
	return edit(b.File, func(old []byte) ([]byte, error) {
		if b.find(old) >= 0 {
			return old, nil
		}
		if b.Other != nil && b.Other.Match(old) {
			return nil, &api.Error{Code: api.BadRequest, Message: api.Excerpt(b.File) + " has already: " + api.Excerpt(string(b.Other.Find(old))),
				Hint: "remove it there first if oauthd is to answer"}
		}
		return append(ended(old), b.Body...), nil
	})
}

// Unmake implements [Step].
func (b *Block) Unmake(context.Context) error {
	return edit(b.File, func(old []byte) ([]byte, error) {
		i := b.find(old)
		if i < 0 {
			return old, nil
		}
		return append(old[:i:i], old[i+len(b.Body):]...), nil
	})
}

// find returns where the block begins in text, at the beginning of a line; -1 if it is not there.
func (b *Block) find(text []byte) int {
	if bytes.HasPrefix(text, []byte(b.Body)) {
		return 0
	}
	if i := bytes.Index(text, []byte("\n"+b.Body)); i >= 0 {
		return i + 1
	}
	return -1
}

// Member is a member of an object in a JSON file. Everything else in the file stays as it was written.
type Member struct {
	File string
	// Path leads to the member through objects, which are made if they are missing.
	Path []string
	// Value is what it gets. Unmake removes it only while it has that value.
	Value string
}

// Text implements [Step].
func (m *Member) Text() string {
	value := any(m.Value)
	for _, name := range slices.Backward(m.Path) {
		value = map[string]any{name: value}
	}
	text, _ := json.Marshal(value) // of strings
	return "# in " + m.File + ":\n" + string(text)
}

// Make implements [Step]. A member with another value is an error: it is another helper's.
func (m *Member) Make(context.Context) error {
	return m.edit(func(old []byte) ([]byte, error) {
		was := gjson.GetBytes(old, at(m.Path))
		if was.Exists() && was.Value() != m.Value {
			return nil, &api.Error{Code: api.BadRequest, Message: strings.Join(m.Path, " ") + " in " + api.Excerpt(m.File) + " is already " + api.Excerpt(was.Raw),
				Hint: "remove it there first if oauthd is to answer"}
		}
		if was.Exists() {
			return old, nil
		}
		return sjson.SetBytes(old, at(m.Path), m.Value)
	})
}

// Unmake implements [Step]. Objects that become empty go with it.
func (m *Member) Unmake(context.Context) error {
	return m.edit(func(old []byte) ([]byte, error) {
		if gjson.GetBytes(old, at(m.Path)).Value() != m.Value {
			return old, nil
		}
		changed, err := sjson.DeleteBytes(old, at(m.Path))
		for n := len(m.Path) - 1; err == nil && n > 0 && len(gjson.GetBytes(changed, at(m.Path[:n])).Map()) == 0; n-- {
			changed, err = sjson.DeleteBytes(changed, at(m.Path[:n]))
		}
		return changed, err
	})
}

func (m *Member) edit(change func(old []byte) ([]byte, error)) error {
	return edit(m.File, func(old []byte) ([]byte, error) {
		if len(bytes.TrimSpace(old)) == 0 {
			old = []byte("{}\n")
		}
		if !gjson.ValidBytes(old) || !gjson.ParseBytes(old).IsObject() {
			return nil, errors.New("it is not a JSON object")
		}
		return change(old)
	})
}

// at returns a path in gjson's notation, in which the names are taken literally.
func at(path []string) string {
	names := make([]string, len(path))
	for i, name := range path {
		names[i] = ":" + gjson.Escape(name)
		if strings.TrimLeft(name, "0123456789") != "" {
			names[i] = gjson.Escape(name)
		}
	}
	return strings.Join(names, ".")
}

// edit replaces what is in a file by what change makes of it; a missing file is empty, and one that becomes empty stays.
// Links are followed to the file, whose mode stays.
func edit(path string, change func(old []byte) ([]byte, error)) error {
	if to, err := filepath.EvalSymlinks(path); err == nil {
		path = to
	}
	old, err := own.OpenNamed(path, mostFile)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return unchanged(path, err)
	}
	var data []byte
	if !missing {
		data = old.Data
	}
	changed, err := change(bytes.Clone(data))
	if err != nil {
		var known *api.Error
		if errors.As(err, &known) {
			return err
		}
		return unchanged(path, err)
	}
	if bytes.Equal(changed, data) {
		return nil
	}
	dir, err := own.Make(filepath.Dir(path))
	if err != nil {
		return unchanged(path, err)
	}
	defer dir.Close()
	name := filepath.Base(path)
	if err := dir.Replace(name, changed); err != nil {
		return unchanged(path, err)
	}
	if missing {
		return nil
	}
	if err := dir.Chmod(name, old.Info.Mode().Perm()); err != nil {
		return unchanged(path, err)
	}
	return nil
}
