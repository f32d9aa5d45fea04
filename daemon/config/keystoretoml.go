package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"oauthd/ipc/api"
	"oauthd/ipc/own"

	"github.com/pelletier/go-toml/v2"
)

// SealSystemdCreds is the seal of a file store whose key systemd-creds encrypts for this user on this machine.
const SealSystemdCreds = "systemd-creds"

// Keystore is what [keystore] in config.toml says: "" leaves a key out.
type Keystore struct {
	Backend, Identity, Seal string
}

// Lines returns the table as a person would write it.
func (k Keystore) Lines() string {
	lines := "[keystore]\nbackend = " + basicString(k.Backend)
	if k.Identity != "" {
		lines += "\nidentity = " + basicString(k.Identity)
	}
	if k.Seal != "" {
		lines += "\nseal = " + basicString(k.Seal)
	}
	return lines
}

// Untouchable means that config.toml cannot be changed safely, and was not.
type Untouchable struct {
	File, Why string
}

func (e *Untouchable) Error() string { return e.File + " " + e.Why }

// SetKeystore changes the keys of [keystore] in dir's config.toml, or adds the table, and leaves every other byte as it
// is. It returns the line that names the backend. A file with mistakes in it is an [*Invalid], and one that it cannot
// change without doing more than that is an [*Untouchable].
func SetKeystore(dir string, k Keystore) (line int, err error) {
	file := MainFile(dir)
	var invalid *Invalid
	if _, err := Load(dir); errors.As(err, &invalid) && invalid.In(file) != nil {
		return 0, invalid.In(file)
	}
	place, err := own.Make(dir)
	if err != nil {
		return 0, &Untouchable{file, reason(file, err)}
	}
	defer place.Close()
	name := filepath.Base(file)
	before, mode, err := readWhole(place, name)
	if err != nil {
		return 0, err
	}
	after, err := withKeystore(file, before, k)
	if err != nil || bytes.Equal(after, before) {
		return lineOfBackend(file, after), err
	}
	if err = place.Replace(name, after); err == nil {
		err = place.Chmod(name, mode)
	}
	if err != nil {
		return 0, &Untouchable{file, "cannot be written: " + api.Excerpt(err.Error())}
	}
	return lineOfBackend(file, after), nil
}

// readWhole returns every byte of a file that may be replaced; none of a missing one.
func readWhole(dir *own.Dir, name string) (text []byte, mode fs.FileMode, err error) {
	file := dir.Path(name)
	switch info, err := dir.Lstat(name); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, 0o600, nil
	case err != nil:
		return nil, 0, &Untouchable{file, reason(file, err)}
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, 0, &Untouchable{file, "is a link, which a change would replace"}
	case !own.Ours(info):
		return nil, 0, &Untouchable{file, "belongs to another user"}
	case info.Mode().Perm()&0o200 == 0:
		return nil, 0, &Untouchable{file, "is read-only"}
	default:
		mode = info.Mode().Perm()
	}
	if text, err = dir.Read(name, maxFile); err != nil {
		return nil, 0, &Untouchable{file, reason(file, err)}
	}
	return text, mode, nil
}

// withKeystore returns text with k in it, after comparing what both say.
func withKeystore(file string, text []byte, k Keystore) ([]byte, error) {
	before, err := keysOf(file, text)
	if err != nil {
		return nil, err
	}
	changed := &Untouchable{file, "is written in a way that oauthd does not change"}
	if _, err := own.Text(text); err != nil {
		return nil, changed
	}
	next := edited(string(text), k)
	after, err := keysOf(file, []byte(next))
	if err != nil {
		return nil, changed
	}
	got := Keystore{after.Keystore.Backend, after.Keystore.Identity, after.Keystore.Seal}
	before.Keystore, after.Keystore = mainKeys{}.Keystore, mainKeys{}.Keystore
	if got != k || !reflect.DeepEqual(before, after) {
		return nil, changed
	}
	return []byte(next), nil
}

// keysOf reads the keys of config.toml from its text.
func keysOf(file string, text []byte) (keys mainKeys, err error) {
	s := &source{file: file, text: text}
	if plain, err := own.Text(text); err == nil {
		s.text = plain
	}
	if s.decode(&keys); len(s.mistakes) > 0 {
		return keys, &Invalid{s.mistakes}
	}
	return keys, nil
}

// edited puts the keys of k into text, line by line.
func edited(text string, k Keystore) string {
	end := "\n"
	if strings.Contains(text, "\r\n") {
		end = "\r\n"
	}
	lines := strings.SplitAfter(text, "\n")
	header := regexp.MustCompile(`^[ \t]*\[[ \t]*keystore[ \t]*\][ \t]*(#.*)?\r?\n?$`)
	at := slices.IndexFunc(lines, header.MatchString)
	if at < 0 {
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += end
		}
		if text != "" {
			text += end
		}
		return text + strings.ReplaceAll(k.Lines()+"\n", "\n", end)
	}
	if !strings.HasSuffix(lines[at], "\n") {
		lines[at] += end
	}
	behind := at + 1
	for behind < len(lines) && !strings.HasPrefix(strings.TrimLeft(lines[behind], " \t"), "[") {
		behind++
	}
	table := lines[at+1 : behind]
	var added []string
	for _, pair := range [][2]string{{"backend", k.Backend}, {"identity", k.Identity}, {"seal", k.Seal}} {
		if !setKey(table, pair[0], pair[1]) && pair[1] != "" {
			added = append(added, pair[0]+" = "+basicString(pair[1])+end)
		}
	}
	return strings.Join(slices.Concat(lines[:at+1], added, lines[at+1:]), "")
}

// setKey replaces the value of key in a table's lines, if the key is there.
func setKey(table []string, key, value string) bool {
	pair := regexp.MustCompile(`^([ \t]*` + key + `[ \t]*=[ \t]*)("(?:[^"\\]|\\.)*"|'[^']*')`)
	for i, line := range table {
		if at := pair.FindStringSubmatchIndex(line); at != nil {
			if old := line[at[4]:at[5]]; unquoted(old) != value {
				table[i] = line[:at[4]] + basicString(value) + line[at[5]:]
			}
			return true
		}
	}
	return false
}

// unquoted returns what a TOML string says.
func unquoted(text string) string {
	var pair struct{ S string }
	if toml.Unmarshal([]byte("s = "+text), &pair) != nil {
		return ""
	}
	return pair.S
}

// basicString writes a TOML string.
func basicString(s string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&out, `\u%04X`, r)
		default:
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
	return out.String()
}

func lineOfBackend(file string, text []byte) int {
	s := &source{file: file, text: text}
	return s.line("keystore", "backend")
}
