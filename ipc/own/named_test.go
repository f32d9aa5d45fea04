//go:build unix

package own_test

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"unicode/utf16"

	"oauthd/ipc/own"
)

func TestReadNamed(t *testing.T) {
	for _, tt := range []struct {
		name string
		// prepare makes things in dir and returns the path to read.
		prepare func(t *testing.T, dir string) string
		want    string // in the refusal; "" if it is read
	}{
		{"ours", func(t *testing.T, dir string) string {
			must(t, os.WriteFile(dir+"/f", []byte("text"), 0o644))
			return dir + "/f"
		}, ""},
		{"behind a link", func(t *testing.T, dir string) string {
			mkdir(t, dir+"/dotfiles", 0o755)
			must(t, os.WriteFile(dir+"/dotfiles/f", []byte("text"), 0o644))
			must(t, os.Symlink("dotfiles/f", dir+"/f"))
			return dir + "/f"
		}, ""},
		{"another user's", func(t *testing.T, dir string) string {
			must(t, os.WriteFile(dir+"/f", []byte("text"), 0o644))
			give(t, dir+"/f")
			return dir + "/f"
		}, "belongs to uid 65534, not to you"},
		{"another user's, behind a link of ours", func(t *testing.T, dir string) string {
			must(t, os.WriteFile(dir+"/g", []byte("text"), 0o644))
			give(t, dir+"/g")
			must(t, os.Symlink("g", dir+"/f"))
			return dir + "/f"
		}, "belongs to uid 65534, not to you"},
		{"writable by all", func(t *testing.T, dir string) string {
			must(t, os.WriteFile(dir+"/f", []byte("text"), 0o600))
			must(t, os.Chmod(dir+"/f", 0o666))
			return dir + "/f"
		}, "can be written to by others (mode 0666)"},
		{"a pipe", func(t *testing.T, dir string) string {
			must(t, syscall.Mkfifo(dir+"/f", 0o600))
			return dir + "/f"
		}, "is a pipe"},
		{"a link to a pipe", func(t *testing.T, dir string) string {
			must(t, syscall.Mkfifo(dir+"/p", 0o600))
			must(t, os.Symlink("p", dir+"/f"))
			return dir + "/f"
		}, "is a pipe"},
		{"a device", func(*testing.T, string) string { return "/dev/zero" }, "is a device"},
		{"a directory", func(_ *testing.T, dir string) string { return dir }, "is a directory"},
		{"too large", func(t *testing.T, dir string) string {
			must(t, os.WriteFile(dir+"/f", []byte("texts"), 0o600))
			return dir + "/f"
		}, "has more than 4 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data, err := own.ReadNamed(tt.prepare(t, t.TempDir()), 4)
			if tt.want != "" {
				refused(t, err, tt.want)
				return
			}
			if string(data) != "text" || err != nil {
				t.Errorf("got %q, %v, want the text", data, err)
			}
		})
	}
}

func TestRemoveNamed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, path string)
		want   string
	}{
		{"unchanged", func(*testing.T, string) {}, ""},
		{"rewritten", func(t *testing.T, path string) { must(t, os.WriteFile(path, []byte("tex!"), 0o600)) }, "was written to meanwhile"},
		{"longer", func(t *testing.T, path string) { must(t, os.WriteFile(path, []byte("text and more"), 0o600)) }, "was written to meanwhile"},
		{"replaced by a link to it", func(t *testing.T, path string) {
			must(t, os.Rename(path, path+"2"))
			must(t, os.Symlink(path+"2", path))
		}, "was written to meanwhile"},
		{"replaced by a pipe", func(t *testing.T, path string) {
			must(t, os.Remove(path))
			must(t, syscall.Mkfifo(path, 0o600))
		}, "was written to meanwhile"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := t.TempDir() + "/f"
			must(t, os.WriteFile(path, []byte("text"), 0o600))
			named, err := own.OpenNamed(path, 100)
			must(t, err)
			tt.change(t, path)
			err = named.Remove()
			_, left := os.Lstat(path)
			if tt.want == "" {
				if err != nil || !errors.Is(left, os.ErrNotExist) {
					t.Errorf("got %v, and %v for the file, want it removed", err, left)
				}
				return
			}
			refused(t, err, tt.want)
			if left != nil {
				t.Errorf("got %v, want the file left", left)
			}
		})
	}
}

func TestRemoveNamedInTheWorkingDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	must(t, os.WriteFile("f", []byte("text"), 0o600))
	named, err := own.OpenNamed("f", 100)
	must(t, err)
	must(t, named.Remove())
}

func TestText(t *testing.T) {
	utf16le := func(text string) (data []byte) {
		for _, unit := range utf16.Encode([]rune(text)) {
			data = append(data, byte(unit), byte(unit>>8))
		}
		return data
	}
	utf16be := func(text string) (data []byte) {
		for _, unit := range utf16.Encode([]rune(text)) {
			data = append(data, byte(unit>>8), byte(unit))
		}
		return data
	}
	for name, tt := range map[string]struct {
		data []byte
		want string
		err  error
	}{
		"plain":                              {[]byte("{}\n"), "{}\n", nil},
		"empty":                              {nil, "", nil},
		"no last line end":                   {[]byte("a = 1"), "a = 1", nil},
		"CRLF":                               {[]byte("a = 1\r\n"), "a = 1\r\n", nil},
		"UTF-8 byte order mark":              {[]byte("\xef\xbb\xbf{}"), "{}", nil},
		"one byte order mark is enough":      {[]byte("\xef\xbb\xbf\xef\xbb\xbf{}"), "\xef\xbb\xbf{}", nil},
		"UTF-16, as PowerShell's > saves it": {utf16le("\ufeff{\"installed\":{}}\r\n"), "", own.ErrUTF16},
		"UTF-16, the other order":            {utf16be("\ufeff{}"), "", own.ErrUTF16},
		"UTF-16 without a mark":              {utf16le("{}"), "", own.ErrUTF16},
		"UTF-16 without a mark, other order": {utf16be("{}"), "", own.ErrUTF16},
		"only the byte order mark of UTF-16": {[]byte("\xff\xfe"), "", own.ErrUTF16},
		"zeros are no UTF-16":                {[]byte("\x00\x00\x00\x00"), "\x00\x00\x00\x00", nil},
		"short":                              {[]byte("a\x00b"), "a\x00b", nil},
		"not UTF-8, which is not asked here": {[]byte("\x80\x03"), "\x80\x03", nil},
	} {
		got, err := own.Text(tt.data)
		if string(got) != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: got %q, %v, want %q, %v", name, got, err, tt.want, tt.err)
		}
	}
}

func TestSocketDir(t *testing.T) {
	dir := t.TempDir()
	mkdir(t, dir, 0o755)
	d, err := own.SocketDir(dir + "/o/s")
	must(t, err)
	must(t, d.Close())
	must(t, os.Symlink("o", dir+"/link"))
	mkdir(t, dir+"/loose", 0o755)
	for path, want := range map[string]string{
		dir + "/link/s":  "/link is a symbolic link",
		dir + "/loose/s": "has mode 0755 and must have 0700",
		"o/s":            "is not an absolute path",
		dir + "/" + strings.Repeat("x", 108-len(dir)) + "/s": "bytes, but the path of a socket may have",
	} {
		_, err := own.SocketDir(path)
		refused(t, err, want)
	}
	if _, err := own.SocketDir("/run/user/4000000000/oauthd/s"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want no runtime directory of another user made", err)
	}
	if _, err := os.Lstat("/run/user/4000000000"); err == nil {
		t.Error("a directory in /run/user was made")
	}
}
