package own

import (
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
)

// Dir is a directory that belongs to us or to root and that nobody else can change. Names given to its methods are names
// of files in it, without a separator. It may be used concurrently. Close it.
type Dir struct {
	path string // free of links
	root *os.Root
}

// Open proves path, which must be absolute, and opens it. A missing directory is [fs.ErrNotExist], and one that is not
// to be trusted is a *[Refused].
func Open(path string) (*Dir, error) { return open(path, false) }

// Make is [Open] that first makes what is missing of path, with mode 0700.
func Make(path string) (*Dir, error) { return open(path, true) }

func open(path string, create bool) (*Dir, error) {
	path, err := prove(path, create)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &Dir{path, root}, nil
}

// Close closes the directory; files that were opened stay open.
func (d *Dir) Close() error { return d.root.Close() }

// Path returns the path of the file name, for messages and for what takes nothing but a path.
func (d *Dir) Path(name string) string { return filepath.Join(d.path, name) }

// Make makes the directory name, 0700, if it is missing, and opens it as [Make] does.
func (d *Dir) Make(name string) (*Dir, error) { return Make(d.Path(name)) }

// OpenFile opens the file name with flags as of [os.OpenFile]; one that is made gets mode 0600. A link, anything but a
// regular file, a file of another user's and one that others may write to are *[Refused], and it never waits for any.
func (d *Dir) OpenFile(name string, flag int) (*os.File, error) {
	switch info, err := d.root.Lstat(name); {
	case err == nil:
		if err := checkFile(d.Path(name), info); err != nil {
			return nil, err
		}
	case flag&os.O_CREATE == 0:
		return nil, err
	}
	f, err := d.root.OpenFile(name, flag|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = checkFile(d.Path(name), info)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// Read returns what is in the file name, which may have most bytes; a larger one is *[Refused].
func (d *Dir) Read(name string, most int) ([]byte, error) {
	f, err := d.OpenFile(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readBounded(f, d.Path(name), most)
}

func readBounded(f *os.File, path string, most int) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if err != nil {
		return nil, err
	}
	if len(data) > most {
		return nil, &Refused{Path: path, Why: fmt.Sprintf("has more than %d bytes", most), cause: ErrTooLarge}
	}
	return data, nil
}

// Replace puts data in place of the file name, 0600: written beside it, brought to the disk, and renamed, so that the file
// is always whole. What was there, a link too, goes.
func (d *Dir) Replace(name string, data []byte) error {
	next, f, err := d.temporary()
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = d.root.Rename(next, name)
	}
	if err != nil {
		_ = remove(d.root, next)
	}
	return err
}

// temporary makes a file that no other name is like; hidden, so that nobody takes it for more.
func (d *Dir) temporary() (name string, f *os.File, err error) {
	name = ".tmp-" + strconv.FormatUint(rand.Uint64(), 36)
	f, err = d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	return name, f, err
}

// Writable makes a file and removes it, and returns what prevents that.
func (d *Dir) Writable() error {
	name, f, err := d.temporary()
	if err != nil {
		return err
	}
	_ = f.Close()
	return remove(d.root, name)
}

// Chmod sets the mode of name, which must not be a link.
func (d *Dir) Chmod(name string, mode fs.FileMode) error { return d.root.Chmod(name, mode) }

// Symlink makes name a link to target, which may be anywhere. If name exists, the error is [fs.ErrExist].
func (d *Dir) Symlink(target, name string) error { return d.root.Symlink(target, name) }

// Rename gives the file name another one, in place of what has it.
func (d *Dir) Rename(name, to string) error { return d.root.Rename(name, to) }

// Remove removes the file or link name.
func (d *Dir) Remove(name string) error { return remove(d.root, name) }

// RemoveAll removes name and, if it is a directory, what is in it; links in it are removed, not followed. It is no error
// if name is missing.
func (d *Dir) RemoveAll(name string) error { return d.root.RemoveAll(name) }

// Lstat looks at name, and does not follow a link.
func (d *Dir) Lstat(name string) (fs.FileInfo, error) { return d.root.Lstat(name) }

// Entries returns what is in the directory, by name. It goes by the proven path, because [os.Root] would look at each entry
// at once, which takes twice as long in a directory of thousands.
func (d *Dir) Entries() ([]fs.DirEntry, error) { return os.ReadDir(d.path) }

// Sync brings names that came or went to the disk; on Windows, which has nothing like it, it does nothing.
func (d *Dir) Sync() error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := d.root.Open(".")
	if err != nil {
		return err
	}
	err = f.Sync()
	if closing := f.Close(); err == nil {
		err = closing
	}
	return err
}
