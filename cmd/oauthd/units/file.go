package units

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"unicode/utf16"

	"oauthd/ipc/own"
)

// ErrEdited means that a file was not written by an installation, or was changed since.
var ErrEdited = errors.New("was changed by hand, or is not oauthd's")

// maxFile is more than any of these files has.
const maxFile = 64 << 10

// writtenBy begins the line that says who wrote a file; the SHA-256 of all other lines follows.
const writtenBy = "Written by oauthd service install, which replaces it while this is its SHA-256: "

// content is the file as it is written.
func (f File) content() []byte {
	lines := strings.SplitAfter(f.Text, "\n")
	sum := sha256.Sum256([]byte(f.Text))
	text := strings.Join(lines[:f.first], "") + f.comment[0] + writtenBy + hex.EncodeToString(sum[:]) + f.comment[1] + "\n" +
		strings.Join(lines[f.first:], "")
	if !f.utf16 {
		return []byte(text)
	}
	out := []byte("\xff\xfe")
	for _, unit := range utf16.Encode([]rune(text)) {
		out = binary.LittleEndian.AppendUint16(out, unit)
	}
	return out
}

// State is what is at a file's path.
type State int

// The states of a file.
const (
	Missing State = iota
	Current       // what an installation would write now
	Other         // what an installation wrote: for another program, or by another version
	Edited        // see [ErrEdited]
)

// State looks at what is at the file's path.
func (f File) State() (State, error) {
	dir, err := own.Open(filepath.Dir(f.Path))
	if errors.Is(err, fs.ErrNotExist) {
		return Missing, nil
	}
	if err != nil {
		return Missing, err
	}
	defer dir.Close()
	if info, err := dir.Lstat(filepath.Base(f.Path)); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return Edited, nil // such as one of a person's dotfiles
	}
	data, err := dir.Read(filepath.Base(f.Path), maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Missing, nil
	case err != nil:
		return Missing, err
	case bytes.Equal(data, f.content()):
		return Current, nil
	case f.unchanged(data):
		return Other, nil
	}
	return Edited, nil
}

// unchanged reports whether data is as an installation wrote it.
func (f File) unchanged(data []byte) bool {
	text := string(data)
	if f.utf16 {
		var units []uint16
		for len(data) >= 2 {
			units = append(units, binary.LittleEndian.Uint16(data))
			data = data[2:]
		}
		text = strings.TrimPrefix(string(utf16.Decode(units)), "\ufeff")
	}
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		rest, ok := strings.CutPrefix(line, f.comment[0]+writtenBy)
		if !ok {
			continue
		}
		sum := sha256.Sum256([]byte(strings.Join(lines[:i], "") + strings.Join(lines[i+1:], "")))
		return rest == hex.EncodeToString(sum[:])+f.comment[1]+"\n"
	}
	return false
}

// Write writes the file, in place of what an installation wrote before; anything else is [ErrEdited].
func (f File) Write() error {
	if state, err := f.State(); err != nil || state == Edited {
		return errors.Join(err, edited(state))
	}
	dir, err := own.Make(filepath.Dir(f.Path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Replace(filepath.Base(f.Path), f.content())
}

// Remove removes the file if an installation wrote it; anything else but a missing file is [ErrEdited].
func (f File) Remove() error {
	state, err := f.State()
	if err != nil || state == Edited {
		return errors.Join(err, edited(state))
	}
	if state == Missing {
		return nil
	}
	dir, err := own.Open(filepath.Dir(f.Path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Remove(filepath.Base(f.Path))
}

func edited(s State) error {
	if s == Edited {
		return ErrEdited
	}
	return nil
}
