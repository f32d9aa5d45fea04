package own

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxLinks is how many links may be on the way to a directory, as for the kernel.
const maxLinks = 40

// prove follows path from the root of the file system and returns the directory without links, or refuses it. Every
// link and directory on the way belongs to us or to root; others may write only to directories on the way whose sticky
// bit keeps them off what is not theirs. If create is true, directories that are missing are made, 0700.
//
// Each step looks at a name in a directory where nobody else can change names of ours or root's, so that what was seen
// holds at the next step.
func prove(path string, create bool) (proven string, err error) {
	if !filepath.IsAbs(path) {
		return "", &Refused{Path: path, Why: "is not an absolute path"}
	}
	volume := filepath.VolumeName(path)
	at := volume + string(filepath.Separator)
	info, err := os.Lstat(at)
	if err != nil {
		return "", err
	}
	if err := checkStep(at, info); err != nil {
		return "", err
	}
	rest := steps(path[len(volume):])
	for links := 0; len(rest) > 0; {
		next := filepath.Join(at, rest[0])
		rest = rest[1:]
		info, err = os.Lstat(next)
		if create && errors.Is(err, fs.ErrNotExist) {
			if err := os.Mkdir(next, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
				return "", err
			}
			info, err = os.Lstat(next)
		}
		if err != nil {
			return "", err
		}
		if err := checkOwner(next, info); err != nil {
			return "", err
		}
		if isLink(info) {
			target, err := os.Readlink(next)
			if err != nil {
				return "", err
			}
			if links++; links > maxLinks {
				return "", &Refused{Path: path, Why: "leads through too many symbolic links"}
			}
			if filepath.IsAbs(target) {
				at = filepath.VolumeName(target) + string(filepath.Separator)
			}
			rest = append(steps(target[len(filepath.VolumeName(target)):]), rest...)
			continue
		}
		if err := checkStep(next, info); err != nil {
			return "", err
		}
		at = next
	}
	// In a directory that all may write to, a name that is not there yet is anybody's, sticky bit or not.
	return at, checkWriters(at, info)
}

// steps splits a path into its names. A ".." is one: after a link it is not what the text before it says.
func steps(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == filepath.Separator || r == '/' })
}

func kindOrFile(m fs.FileMode) string {
	if m.IsRegular() {
		return "a file"
	}
	return kind(m)
}
