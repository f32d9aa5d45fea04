//go:build unix

package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unicode/utf16"

	"oauthd/ipc/api"
)

// saved is text as editors and shells may save it, by the name of the way.
func saved(text string) map[string]string {
	var wide []byte
	for _, unit := range utf16.Encode([]rune("\ufeff" + text + "\r\n")) {
		wide = append(wide, byte(unit), byte(unit>>8))
	}
	return map[string]string{
		"plain": text + "\n", "no line end": text, "CRLF": text + "\r\n", "byte order mark": "\xef\xbb\xbf" + text + "\r\n",
		"UTF-16": string(wide), "UTF-16 without a mark": string(wide[2:]),
	}
}

// TestSecretsOnStandardInput feeds secrets as PowerShell and Notepad save them.
func TestSecretsOnStandardInput(t *testing.T) {
	const secret = "correct horse"
	for what, read := range map[string]func(io.Reader) (api.Confidential, error){
		"client secret": readSecret,
		"passphrase":    pipedPassphrase,
	} {
		for name, text := range saved(secret) {
			got, err := read(strings.NewReader(text))
			if wide := strings.HasPrefix(name, "UTF-16"); wide {
				if e := api.AsError(err); e == nil || !strings.Contains(e.Message, "is in UTF-16; save it as UTF-8") || !strings.Contains(e.Hint, "utf8") {
					t.Errorf("%s, %s: got %v, want it to say UTF-16", what, name, err)
				}
			} else if got != secret || err != nil {
				t.Errorf("%s, %s: got %d bytes, %v, want the secret", what, name, len(got), err)
			}
		}
	}
}

// TestPassphraseFile opens the file store by a file, which nobody else may have written.
func TestPassphraseFile(t *testing.T) {
	const secret = "correct horse"
	write := func(mode os.FileMode) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			if err := errors.Join(os.WriteFile(path, []byte(secret+"\n"), 0o600), os.Chmod(path, mode)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tt := range []struct {
		name    string
		prepare func(t *testing.T, path string)
		want    string // in the error; "" if it is read
	}{
		{"ours", write(0o600), ""},
		{"readable by all", write(0o644), ""},
		{"writable by all", write(0o666), "can be written to by others (mode 0666)"},
		{"another user's", func(t *testing.T, path string) {
			write(0o644)(t, path)
			if os.Getuid() != 0 {
				t.Skip("needs root, to give a file away")
			}
			if err := os.Chown(path, nobodyUID, nobodyUID); err != nil {
				t.Fatal(err)
			}
		}, "belongs to uid 65534, not to you"},
		{"a pipe", func(t *testing.T, path string) {
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "is a pipe"},
		{"a device", func(t *testing.T, path string) { symlink(t, "/dev/zero", path) }, "is a device"},
		{"UTF-16", func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(saved(secret)["UTF-16"]), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "is in UTF-16"},
	} {
		for _, variable := range []string{"OAUTHD_PASSPHRASE_FILE", "CREDENTIALS_DIRECTORY"} {
			t.Run(tt.name+" "+variable, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "oauthd")
				tt.prepare(t, path)
				value := path
				if variable == "CREDENTIALS_DIRECTORY" {
					value = filepath.Dir(path)
				}
				t.Setenv(variable, value)
				got, found, err := givenPassphrase()
				if tt.want == "" && (got != secret || !found || err != nil) {
					t.Errorf("got %d bytes, %v, %v, want the passphrase", len(got), found, err)
				}
				if tt.want != "" && (got != "" || found || err == nil || !strings.Contains(err.Error(), tt.want)) {
					t.Errorf("got %d bytes, %v, %v, want an error with %q", len(got), found, err, tt.want)
				}
			})
		}
	}
	t.Run("relative", func(t *testing.T) {
		t.Chdir(t.TempDir())
		write(0o600)(t, "passphrase")
		t.Setenv("OAUTHD_PASSPHRASE_FILE", "passphrase")
		if _, found, err := givenPassphrase(); found || err == nil || !strings.Contains(err.Error(), "is not an absolute path") {
			t.Errorf("got %v, %v, want a relative path refused", found, err)
		}
	})
}

// TestGivenFiles reads the files that a person names on the command line.
func TestGivenFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, kind := range []secretFile{clientSecretsFile, keyFile, sourceFile} {
		for name, text := range saved("{}") {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, from := range []string{path, "-"} {
				got, err := kind.read(from, strings.NewReader(text))
				if strings.HasPrefix(name, "UTF-16") {
					if e := api.AsError(err); e == nil || !strings.Contains(e.Message, "is in UTF-16; save it as UTF-8") {
						t.Errorf("%s, %s from %s: got %v, want it to say UTF-16", kind.what, name, from, err)
					}
				} else if string(got) != text || err != nil { // the daemon reads the text
					t.Errorf("%s, %s from %s: got %d bytes, %v, want all of them", kind.what, name, from, len(got), err)
				}
			}
		}
		for want, plant := range map[string]func(path string) error{
			"is a pipe":      func(path string) error { return syscall.Mkfifo(path, 0o600) },
			"is a directory": func(path string) error { return os.Mkdir(path, 0o700) },
			"is a device":    func(path string) error { return os.Symlink("/dev/zero", path) },
			"can be written to by others": func(path string) error {
				return errors.Join(os.WriteFile(path, []byte("{}"), 0o600), os.Chmod(path, 0o602))
			},
			"is too large to be": func(path string) error { return os.WriteFile(path, make([]byte, kind.most+1), 0o600) },
			"is empty":           func(path string) error { return os.WriteFile(path, nil, 0o600) },
		} {
			if err := errors.Join(os.RemoveAll(path), plant(path)); err != nil {
				t.Fatal(err)
			}
			if _, err := kind.read(path, nil); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want an error with %q", kind.what, err, want)
			}
		}
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWhatTheShellOpenedIsRead reads a pipe as oauthd import <(…) gives it.
func TestWhatTheShellOpenedIsRead(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := w.WriteString("{}"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	conn, err := r.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = conn.Control(func(fd uintptr) {
		given, err := sourceFile.open("/dev/fd/"+strconv.Itoa(int(fd)), nil)
		if err != nil || string(given.Data) != "{}" || given.Info != nil {
			t.Errorf("got %+v, %v, want what is in the pipe", given, err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
