//go:build unix

package own_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"oauthd/ipc/own"
)

// nobody is a user who is not us.
const nobody = 65534

// give gives path to another user, which only root can.
func give(t *testing.T, path string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give a file away")
	}
	if err := os.Lchown(path, nobody, nobody); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	must(t, os.MkdirAll(path, 0o700))
	must(t, os.Chmod(path, mode))
}

// refused checks that err is a *Refused with want in it.
func refused(t *testing.T, err error, want string) {
	t.Helper()
	var r *own.Refused
	if !errors.As(err, &r) || !strings.Contains(r.Error(), want) {
		t.Errorf("got %v, want it refused with %q", err, want)
	}
}

func TestDirectoriesAreProven(t *testing.T) {
	for _, tt := range []struct {
		name string
		// prepare makes things in dir and returns the path to open.
		prepare func(t *testing.T, dir string) string
		want    string // in the refusal; "" if it opens
	}{
		{"ours", func(t *testing.T, dir string) string { mkdir(t, dir+"/a", 0o700); return dir + "/a" }, ""},
		{"readable by all", func(t *testing.T, dir string) string { mkdir(t, dir+"/a", 0o755); return dir + "/a" }, ""},
		{"writable by our own group", func(t *testing.T, dir string) string {
			mkdir(t, dir+"/a", 0o775)
			if os.Getegid() != os.Geteuid() {
				t.Skip("our group is not ours alone")
			}
			return dir + "/a"
		}, ""},
		{"a link of ours", func(t *testing.T, dir string) string {
			mkdir(t, dir+"/a/b", 0o700)
			must(t, os.Symlink("a", dir+"/link"))
			return dir + "/link/b"
		}, ""},
		{"an absolute link of ours, and back up from it", func(t *testing.T, dir string) string {
			mkdir(t, dir+"/a/b", 0o700)
			mkdir(t, dir+"/a/c", 0o700)
			must(t, os.Symlink(dir+"/a/b", dir+"/link"))
			return dir + "/link/../c"
		}, ""},
		{"ours in a sticky directory of all", func(t *testing.T, dir string) string {
			mkdir(t, dir+"/tmp/a", 0o700)
			must(t, os.Chmod(dir+"/tmp", 0o777|fs.ModeSticky))
			return dir + "/tmp/a"
		}, ""},
		{"a sticky directory of all itself", func(t *testing.T, dir string) string {
			mkdir(t, dir+"/tmp", 0o777|fs.ModeSticky)
			return dir + "/tmp"
		}, "can be written to by others"},
		{"writable by all", func(t *testing.T, dir string) string { mkdir(t, dir+"/a", 0o757); return dir + "/a" }, "can be written to by others (mode 0757)"},
		{"in a directory writable by all", func(t *testing.T, dir string) string {
			mkdir(t, dir+"/a/b", 0o700)
			must(t, os.Chmod(dir+"/a", 0o777))
			return dir + "/a/b"
		}, "/a can be written to by others"},
		{"writable by a group of others", func(t *testing.T, dir string) string {
			mkdir(t, dir+"/a", 0o770)
			if err := os.Chown(dir+"/a", -1, nobody); err != nil {
				t.Skip("cannot give a directory to a group")
			}
			return dir + "/a"
		}, "can be written to by others"},
		{"another user's", func(t *testing.T, dir string) string {
			mkdir(t, dir+"/a", 0o777)
			give(t, dir+"/a")
			return dir + "/a"
		}, "/a belongs to uid 65534, not to you"},
		{"in another user's", func(t *testing.T, dir string) string {
			mkdir(t, dir+"/a/b", 0o700)
			give(t, dir+"/a")
			return dir + "/a/b"
		}, "/a belongs to uid 65534, not to you"},
		{"through another user's link", func(t *testing.T, dir string) string {
			mkdir(t, dir+"/a", 0o700)
			must(t, os.Symlink("a", dir+"/link"))
			give(t, dir+"/link")
			return dir + "/link"
		}, "/link belongs to uid 65534, not to you"},
		{"a link in a circle", func(t *testing.T, dir string) string {
			must(t, os.Symlink("b", dir+"/a"))
			must(t, os.Symlink("a", dir+"/b"))
			return dir + "/a"
		}, "too many symbolic links"},
		{"a file", func(t *testing.T, dir string) string {
			must(t, os.WriteFile(dir+"/a", nil, 0o600))
			return dir + "/a"
		}, "is a file, not a directory"},
		{"a pipe", func(t *testing.T, dir string) string {
			must(t, syscall.Mkfifo(dir+"/a", 0o600))
			return dir + "/a"
		}, "is a pipe, not a directory"},
		{"relative", func(*testing.T, string) string { return "a" }, "is not an absolute path"},
	} {
		for how, open := range map[string]func(string) (*own.Dir, error){"Open": own.Open, "Make": own.Make} {
			t.Run(tt.name+" "+how, func(t *testing.T) {
				d, err := open(tt.prepare(t, t.TempDir()))
				if tt.want != "" {
					refused(t, err, tt.want)
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				must(t, d.Close())
			})
		}
	}
}

func TestOpenMakesNothing(t *testing.T) {
	dir := t.TempDir()
	if _, err := own.Open(dir + "/a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want a missing directory", err)
	}
	d, err := own.Make(dir + "/a/b")
	must(t, err)
	defer d.Close()
	for _, made := range []string{dir + "/a", dir + "/a/b"} {
		info, err := os.Stat(made)
		must(t, err)
		if info.Mode().Perm() != 0o700 {
			t.Errorf("%s: got mode %v, want 0700", made, info.Mode())
		}
	}
}

// flags are the ways in which our files are opened.
var flags = map[string]int{
	"read": os.O_RDONLY, "lock": os.O_RDWR | os.O_CREATE, "log": os.O_WRONLY | os.O_APPEND | os.O_CREATE,
	"empty": os.O_WRONLY | os.O_TRUNC | os.O_CREATE,
}

// TestNothingButAFileOfOursIsOpened puts everything else in a file's place. What a link leads to stays as it is.
func TestNothingButAFileOfOursIsOpened(t *testing.T) {
	for _, tt := range []struct {
		name  string
		plant func(t *testing.T, path string)
		want  string
	}{
		{"link", func(t *testing.T, path string) { must(t, os.Symlink("../precious", path)) }, "is a symbolic link"},
		{"link within", func(t *testing.T, path string) { must(t, os.Symlink("neighbour", path)) }, "is a symbolic link"},
		{"link to nothing", func(t *testing.T, path string) { must(t, os.Symlink("new", path)) }, "is a symbolic link"},
		{"pipe", func(t *testing.T, path string) { must(t, syscall.Mkfifo(path, 0o600)) }, "is a pipe"},
		{"directory", func(t *testing.T, path string) { mkdir(t, path, 0o700) }, "is a directory"},
		{"link to a device", func(t *testing.T, path string) { must(t, os.Symlink("/dev/zero", path)) }, "is a symbolic link"},
		{"another user's", func(t *testing.T, path string) {
			must(t, os.WriteFile(path, []byte("x"), 0o644))
			give(t, path)
		}, "belongs to uid 65534"},
		{"writable by all", func(t *testing.T, path string) {
			must(t, os.WriteFile(path, []byte("x"), 0o600))
			must(t, os.Chmod(path, 0o666))
		}, "can be written to by others (mode 0666)"},
	} {
		for how, flag := range flags {
			t.Run(tt.name+" "+how, func(t *testing.T) {
				above := t.TempDir()
				for _, name := range []string{"precious", "a/neighbour"} {
					must(t, os.MkdirAll(filepath.Dir(filepath.Join(above, name)), 0o700))
					must(t, os.WriteFile(filepath.Join(above, name), []byte("precious"), 0o600))
				}
				d, err := own.Open(above + "/a")
				must(t, err)
				defer d.Close()
				tt.plant(t, d.Path("f"))
				f, err := d.OpenFile("f", flag)
				if err == nil {
					_ = f.Close()
				}
				refused(t, err, tt.want)
				for _, name := range []string{"precious", "a/neighbour"} {
					if text, err := os.ReadFile(filepath.Join(above, name)); string(text) != "precious" {
						t.Errorf("%s: got %q, %v, want it untouched", name, text, err)
					}
				}
				if _, err := os.Lstat(d.Path("new")); err == nil {
					t.Error("a file was made where the link leads")
				}
			})
		}
	}
}

// TestNamesStayInTheirDirectory moves the directory away and puts a link in its place: what is opened is still in it.
func TestNamesStayInTheirDirectory(t *testing.T) {
	above := t.TempDir()
	mkdir(t, above+"/a", 0o700)
	mkdir(t, above+"/other", 0o700)
	d, err := own.Open(above + "/a")
	must(t, err)
	defer d.Close()
	must(t, os.Rename(above+"/a", above+"/moved"))
	must(t, os.Symlink("other", above+"/a"))
	must(t, d.Replace("f", []byte("text")))
	must(t, d.Rename("f", "g"))
	if text, err := os.ReadFile(above + "/moved/g"); string(text) != "text" {
		t.Errorf("got %q, %v, want the file in the directory that was opened", text, err)
	}
	must(t, d.Remove("g"))
	for _, dir := range []string{"moved", "other"} {
		if entries, _ := os.ReadDir(above + "/" + dir); len(entries) != 0 {
			t.Errorf("%s: got %v, want nothing", dir, entries)
		}
	}
	for _, outside := range []string{"../other/f", above + "/other/f"} {
		if f, err := d.OpenFile(outside, os.O_RDWR|os.O_CREATE); err == nil {
			_ = f.Close()
			t.Errorf("%s was opened, which is outside", outside)
		}
	}
}

func TestReadAndReplace(t *testing.T) {
	d, err := own.Make(t.TempDir() + "/a")
	must(t, err)
	defer d.Close()
	if _, err := d.Read("f", 4); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want a missing file", err)
	}
	must(t, os.Symlink("elsewhere", d.Path("f")))
	for _, text := range []string{"one", "four"} {
		must(t, d.Replace("f", []byte(text)))
		if got, err := d.Read("f", 4); string(got) != text || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, text)
		}
	}
	if info, err := d.Lstat("f"); err != nil || info.Mode() != 0o600 {
		t.Errorf("got %v, %v, want a file with mode 0600", info.Mode(), err)
	}
	_, err = d.Read("f", 3)
	refused(t, err, "has more than 3 bytes")
	must(t, d.Sync())
	must(t, d.Writable())
	entries, err := d.Entries()
	if err != nil || len(entries) != 1 || entries[0].Name() != "f" {
		t.Errorf("got %v, %v, want the one file", entries, err)
	}
}

func TestNewFilesArePrivate(t *testing.T) {
	d, err := own.Open(t.TempDir())
	must(t, err)
	defer d.Close()
	f, err := d.OpenFile("f", os.O_WRONLY|os.O_CREATE)
	must(t, err)
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Mode() != 0o600 {
		t.Errorf("got %v, %v, want mode 0600", info.Mode(), err)
	}
}

func TestPrivate(t *testing.T) {
	dir := t.TempDir()
	for mode, want := range map[fs.FileMode]string{0o700: "", 0o750: "has mode 0750 and must have 0700", 0o500: "has mode 0500"} {
		mkdir(t, dir+"/a", mode)
		d, err := own.Open(dir + "/a")
		must(t, err)
		err = d.Private()
		if want == "" && err != nil {
			t.Errorf("mode %o: got %v, want none", mode, err)
		}
		if want != "" {
			refused(t, err, want)
		}
		must(t, d.Close())
	}
}

func TestLocks(t *testing.T) {
	d, err := own.Open(t.TempDir())
	must(t, err)
	defer d.Close()
	open := func() *os.File {
		f, err := d.OpenFile("lock", os.O_RDWR|os.O_CREATE)
		must(t, err)
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	first, second := open(), open()
	want := func(what string, locked, should bool, err error) {
		t.Helper()
		if err != nil || locked != should {
			t.Errorf("%s: got %v, %v, want %v", what, locked, err, should)
		}
	}
	locked, err := own.TryLock(first)
	want("the first", locked, true, err)
	locked, err = own.TryLock(second)
	want("a second writer", locked, false, err)
	locked, err = own.TryRLock(second)
	want("a reader", locked, false, err)
	must(t, first.Close())
	locked, err = own.TryRLock(second)
	want("a reader after the writer", locked, true, err)
	locked, err = own.TryRLock(open())
	want("a second reader", locked, true, err)
	locked, err = own.TryLock(open())
	want("a writer beside readers", locked, false, err)
}
