package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"oauthd/ipc/api"
	"oauthd/ipc/own"

	"github.com/pelletier/go-toml/v2"
)

// source is one file that is being read, with the mistakes found so far.
type source struct {
	file     string
	text     []byte
	read     snapshot
	mistakes []Mistake
}

// open reads a file. It returns false if there is nothing to decode: the file does not exist, or cannot be read, which
// is a mistake.
func open(file string) (*source, bool) {
	text, read, err := readFile(file)
	s := &source{file: file, text: text, read: read}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.add(0, "%s", reason(file, err))
	}
	return s, err == nil
}

// openIn is open of a file in a directory that must be proven to be ours first.
func openIn(dir, file string) (*source, bool) {
	proven, err := own.Open(dir)
	switch {
	case err == nil:
		_ = proven.Close()
	case !errors.Is(err, fs.ErrNotExist):
		s := &source{file: file}
		s.add(0, "%s", reason(file, err))
		return s, false
	}
	return open(file)
}

func (s *source) add(line int, format string, args ...any) {
	s.mistakes = append(s.mistakes, Mistake{File: s.file, Line: line, Text: fmt.Sprintf(format, args...)})
}

// decode fills into, and returns false if the file cannot be understood at all.
func (s *source) decode(into any) bool {
	err := toml.NewDecoder(bytes.NewReader(s.text)).DisallowUnknownFields().Decode(into)
	var strict *toml.StrictMissingError
	var wrong *toml.DecodeError
	switch {
	case err == nil:
		return true
	case errors.As(err, &strict):
		for _, e := range strict.Errors {
			line, _ := e.Position()
			key := e.Key()
			text := fmt.Sprintf("unknown key %q", api.Excerpt(strings.Join(key, ".")))
			if len(key) > 0 && key[len(key)-1] == "client_secret" {
				text += "; a secret does not belong here: use client_secrets, or oauthd login --client-secret-stdin"
			}
			s.add(line, "%s", text)
		}
		return true
	case errors.As(err, &wrong):
		line, _ := wrong.Position()
		s.add(line, "%s", plainly(wrong))
	default:
		s.add(0, "%s", strings.TrimPrefix(api.Excerpt(err.Error()), "toml: "))
	}
	return false
}

// plainly rephrases a decoder's message without the names of this program's types.
func plainly(e *toml.DecodeError) string {
	text := strings.TrimPrefix(api.Excerpt(e.Error()), "toml: ")
	got, field, ok := strings.Cut(text, " into struct field ")
	if !ok {
		return text
	}
	want := "a value of another type"
	switch _, t, _ := strings.Cut(field, " of type "); t {
	case "string":
		want = "a string"
	case "api.Span":
		want = `a duration such as "90d"`
	case "bool":
		want = "true or false"
	case "[]string":
		want = "a list of strings"
	case "[]int":
		want = "a list of numbers"
	case "map[string]string":
		want = "a table of strings"
	}
	return fmt.Sprintf("%s: a TOML %s, but it must be %s", api.Excerpt(strings.Join(e.Key(), ".")), strings.TrimPrefix(got, "cannot decode TOML "), want)
}

// line returns the line on which key is set in table ("" is the top level); 0 if there is none. The decoder does not keep
// the positions of values, and a mistake in a value needs its line too.
func (s *source) line(table, key string) int {
	current := ""
	for i, l := range strings.Split(string(s.text), "\n") {
		l = strings.TrimSpace(l)
		if strings.HasPrefix(l, "[") {
			header, _, _ := strings.Cut(l, "]") // a comment may follow
			current = strings.Trim(header, "[ \t")
			if current == table && key == "" {
				return i + 1
			}
			continue
		}
		name, _, isPair := strings.Cut(l, "=")
		if isPair && current == table && strings.Trim(strings.TrimSpace(name), `"'`) == key {
			return i + 1
		}
	}
	return 0
}

// check reports a value that rule refuses, at its line. The value "" means that the key is not set.
func (s *source) check(table, key, value string, rule func(string) error) {
	if value == "" {
		return
	}
	if err := rule(value); err != nil {
		s.add(s.line(table, key), "%s: %v", key, err)
	}
}
