package own

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// ReadNamed returns what is in a file that a person wrote and named, which may have most bytes. It follows links, and
// then it must be a regular file of ours or root's that nobody else may write to; else, and if it is larger, the error
// is a *[Refused]. It never waits for a pipe.
func ReadNamed(path string, most int) ([]byte, error) {
	data, _, err := readNamed(path, most)
	return data, err
}

// Named is a file that was read by [OpenNamed].
type Named struct {
	// Data is all that was in it.
	Data []byte
	// Info describes the file itself, not a link to it.
	Info fs.FileInfo
	path string
}

// OpenNamed is [ReadNamed] that keeps in mind which file it was.
func OpenNamed(path string, most int) (*Named, error) {
	data, info, err := readNamed(path, most)
	if err != nil {
		return nil, err
	}
	return &Named{data, info, path}, nil
}

func readNamed(path string, most int) ([]byte, fs.FileInfo, error) {
	// Opening a device can have effects, so a look comes first; what counts is the descriptor.
	info, err := os.Stat(path)
	if err != nil {
		var at *fs.PathError
		if errors.As(err, &at) {
			at.Op = "open" // which is what somebody wanted
		}
		return nil, nil, err
	}
	if err := checkFile(path, info); err != nil {
		return nil, nil, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, nil, err
	}
	if err := checkFile(path, info); err != nil {
		return nil, nil, err
	}
	data, err := readBounded(f, path, most)
	return data, info, err
}

// Remove removes the file from the directory in which it was found, unless it is another one by now or holds something
// else; then it is *[Refused].
func (n *Named) Remove() error {
	dir, name := filepath.Split(n.path)
	if dir == "" {
		dir = "."
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	changed := &Refused{Path: n.path, Why: "was written to meanwhile"}
	if info, err := root.Lstat(name); err != nil {
		return err
	} else if !os.SameFile(info, n.Info) {
		return changed
	}
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := readBounded(f, n.path, len(n.Data))
	if err != nil || !bytes.Equal(data, n.Data) {
		return changed
	}
	return remove(root, name)
}
