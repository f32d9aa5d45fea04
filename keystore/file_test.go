package keystore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"oauthd/keystore"
	"oauthd/keystore/storetest"

	"filippo.io/age"
)

const filePassphrase = "hunter2 and a horse"

func newFile(dir string) *keystore.File {
	return keystore.NewFile(keystore.FileConfig{Dir: dir, WorkFactor: 2})
}

func openFile(t testing.TB, dir string) *keystore.File {
	t.Helper()
	f := newFile(dir)
	if err := f.Open(t.Context(), filePassphrase); err != nil {
		t.Fatalf("Open: got %v, want nil", err)
	}
	return f
}

func recordFile(dir, name string) string { return filepath.Join(dir, "credentials", name+".age") }

func TestFileConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) keystore.Store { return openFile(t, filepath.Join(t.TempDir(), "state")) })
}

func TestFileClosed(t *testing.T) {
	dir := t.TempDir()
	f := newFile(dir)
	wantClosed := func(when string) {
		t.Helper()
		_, getErr := f.Get(t.Context(), "work")
		_, namesErr := f.Names(t.Context())
		for op, err := range map[string]error{
			"Get": getErr, "Names": namesErr, "Put": f.Put(t.Context(), "work", []byte("x")), "Delete": f.Delete(t.Context(), "work"),
		} {
			if !errors.Is(err, keystore.ErrLocked) || errors.Is(err, keystore.ErrNotFound) {
				t.Errorf("%s, %s: got %v, want %v", when, op, err, keystore.ErrLocked)
			}
		}
		if !f.Closed() {
			t.Errorf("%s: got open, want closed", when)
		}
	}
	wantClosed("new")
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("got %v and %v, want nothing made before the store is opened", entries, err)
	}
	if err := f.Open(t.Context(), filePassphrase); err != nil {
		t.Fatal(err)
	}
	if err := f.Put(t.Context(), "work", []byte("kept")); err != nil || f.Closed() {
		t.Fatalf("open: got %v, closed %t", err, f.Closed())
	}
	f.Close()
	wantClosed("closed")
	if err := f.Open(t.Context(), filePassphrase); err != nil {
		t.Fatal(err)
	}
	wantKept(t, f, "work", "kept")
}

func wantKept(t *testing.T, s keystore.Store, name, want string) {
	t.Helper()
	if got, err := s.Get(t.Context(), name); err != nil || string(got) != want {
		t.Errorf("%s: got %d bytes, equal %t, error %v", name, len(got), string(got) == want, err)
	}
}

func TestFilePassphrase(t *testing.T) {
	dir := t.TempDir()
	f := newFile(dir)
	if got := f.Needs(); got != keystore.NeedsNewPassphrase {
		t.Errorf("needs: got %q, want a new passphrase", got)
	}
	if err := f.Open(t.Context(), ""); !errors.Is(err, keystore.ErrNoPassphrase) {
		t.Errorf("first opening without a passphrase: got %v, want %v", err, keystore.ErrNoPassphrase)
	}
	if err := f.Open(t.Context(), filePassphrase); err != nil {
		t.Fatal(err)
	}
	if err := f.Put(t.Context(), "work", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	other := newFile(dir) // as after a restart
	if got := other.Needs(); got != keystore.NeedsPassphrase {
		t.Errorf("needs: got %q, want the passphrase", got)
	}
	for text, want := range map[string]error{"": keystore.ErrNoPassphrase, "hunter3": keystore.ErrPassphrase} {
		err := other.Open(t.Context(), text)
		if !errors.Is(err, want) || !other.Closed() {
			t.Errorf("got %v, closed %t, want %v and a closed store", err, other.Closed(), want)
		}
		if text != "" && strings.Contains(fmt.Sprint(err), text) {
			t.Error("the error quotes the passphrase")
		}
		if err := f.Open(t.Context(), text); !errors.Is(err, want) || f.Closed() {
			t.Errorf("an open store: got %v, closed %t, want %v and still open", err, f.Closed(), want)
		}
	}
	if err := other.Open(t.Context(), filePassphrase); err != nil {
		t.Fatal(err)
	}
	wantKept(t, other, "work", "kept")
}

func TestFileOpenEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := newFile(t.TempDir())
	if err := f.Open(ctx, filePassphrase); !errors.Is(err, context.Canceled) || !f.Closed() {
		t.Errorf("got %v, closed %t, want %v", err, f.Closed(), context.Canceled)
	}
}

// No file shows what is in it or opens to anybody else.
func TestFilesOfAStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "oauthd")
	f := openFile(t, dir)
	for _, name := range []string{"work", ".probe", "..", ".registration.00ff"} {
		if err := f.Put(t.Context(), name, []byte("hunter2")); err != nil {
			t.Fatal(err)
		}
	}
	names, err := f.Names(t.Context())
	if want := []string{"..", ".probe", ".registration.00ff", "work"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("names: got %q, %v, want %q", names, err, want)
	}
	if err := f.Delete(t.Context(), ".."); err != nil {
		t.Fatal(err)
	}
	var got []string
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		} else {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if bytes.Contains(text, []byte("hunter2")) || bytes.Contains(text, []byte("AGE-SECRET-KEY")) {
				t.Errorf("%s holds a secret in the clear", path)
			}
			got = append(got, entry.Name())
		}
		if perm := info.Mode().Perm(); perm != want && runtime.GOOS != "windows" {
			t.Errorf("%s: got %v, want %v", path, perm, want)
		}
		return nil
	})
	want := []string{".probe.age", ".registration.00ff.age", "work.age", "identity.age"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got files %q, %v, want %q", got, err, want)
	}
}

func TestFileDamagedRecord(t *testing.T) {
	for name, damage := range map[string]func(whole []byte) []byte{
		"empty":      func([]byte) []byte { return nil },
		"garbage":    func([]byte) []byte { return []byte("hunter2\n") },
		"half":       func(whole []byte) []byte { return whole[:len(whole)/2] },
		"cut off":    func(whole []byte) []byte { return whole[:len(whole)-1] },
		"longer":     func(whole []byte) []byte { return append(whole, 'x') },
		"a bit":      func(whole []byte) []byte { whole[len(whole)-5] ^= 1; return whole },
		"very large": func([]byte) []byte { return make([]byte, 1<<20) },
		"in the clear": func([]byte) []byte {
			return []byte(`{"v":1,"refresh_token":"hunter2"}`)
		},
		"another identity's": func([]byte) []byte {
			i, err := age.GenerateX25519Identity()
			if err != nil {
				t.Fatal(err)
			}
			return sealTo(t, "hunter2", i.Recipient())
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			f := openFile(t, dir)
			for _, name := range []string{"work", "other"} {
				if err := f.Put(t.Context(), name, []byte("of "+name)); err != nil {
					t.Fatal(err)
				}
			}
			whole, err := os.ReadFile(recordFile(dir, "work"))
			if err != nil {
				t.Fatal(err)
			}
			damaged := damage(whole)
			if err := os.WriteFile(recordFile(dir, "work"), damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err = f.Get(t.Context(), "work")
			if !errors.Is(err, keystore.ErrDamaged) || errors.Is(err, keystore.ErrNotFound) {
				t.Errorf("got %v, want %v", err, keystore.ErrDamaged)
			}
			if strings.Contains(fmt.Sprint(err), "hunter2") {
				t.Error("the error quotes the record")
			}
			if left, err := os.ReadFile(recordFile(dir, "work")); err != nil || !bytes.Equal(left, damaged) {
				t.Errorf("the damaged record was touched (%v)", err)
			}
			wantKept(t, f, "other", "of other")
			if err := f.Put(t.Context(), "work", []byte("new")); err != nil {
				t.Errorf("Put: got %v, want it to repair the record", err)
			}
			wantKept(t, f, "work", "new")
		})
	}
}

func sealTo(t *testing.T, text string, to age.Recipient) []byte {
	t.Helper()
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return sealed.Bytes()
}

func TestFileDamagedIdentity(t *testing.T) {
	passphrase, err := age.NewScryptRecipient(filePassphrase)
	if err != nil {
		t.Fatal(err)
	}
	passphrase.SetWorkFactor(2)
	for _, test := range []struct {
		name   string
		damage func(t *testing.T, path string) error
		want   error
	}{
		{"missing", func(_ *testing.T, path string) error { return os.Remove(path) }, keystore.ErrDamaged},
		{"empty", func(_ *testing.T, path string) error { return os.WriteFile(path, nil, 0o600) }, keystore.ErrDamaged},
		{"cut off", func(_ *testing.T, path string) error { return os.Truncate(path, 150) }, keystore.ErrDamaged},
		{"no identity in it", func(t *testing.T, path string) error {
			return os.WriteFile(path, sealTo(t, "hunter2", passphrase), 0o600)
		}, keystore.ErrDamaged},
		{"a directory", func(_ *testing.T, path string) error {
			return errors.Join(os.Remove(path), os.Mkdir(path, 0o700))
		}, keystore.ErrUnavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := openFile(t, dir).Put(t.Context(), "work", []byte("kept")); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "identity.age")
			if err := test.damage(t, path); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadFile(path)
			f := newFile(dir)
			err := f.Open(t.Context(), filePassphrase)
			if !errors.Is(err, test.want) || !f.Closed() {
				t.Errorf("got %v, closed %t, want %v", err, f.Closed(), test.want)
			}
			if strings.Contains(fmt.Sprint(err), "hunter2") {
				t.Error("the error quotes the file")
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("identity.age was changed, want it left as it was")
			}
		})
	}
}

// A file that a killed process was writing is no record, is overwritten, and goes with its record.
func TestFilePartial(t *testing.T) {
	dir := t.TempDir()
	f := openFile(t, dir)
	partial := recordFile(dir, "work") + ".partial"
	leave := func() {
		t.Helper()
		if err := os.WriteFile(partial, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	leave()
	if _, err := f.Get(t.Context(), "work"); !errors.Is(err, keystore.ErrNotFound) {
		t.Errorf("got %v, want %v", err, keystore.ErrNotFound)
	}
	leave()
	if names, err := f.Names(t.Context()); err != nil || len(names) != 0 {
		t.Errorf("names: got %q, %v, want none", names, err)
	}
	if err := f.Put(t.Context(), "work", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	wantKept(t, f, "work", "kept")
	leave()
	if err := f.Delete(t.Context(), "work"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(partial); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want the partial file gone", err)
	}
}

// interrupted makes the store hold "old", and beside it "new" as a process leaves it that is killed before it puts the
// file in its place. It returns that file's path.
func interrupted(t *testing.T, f *keystore.File, dir, name string) (partial string) {
	t.Helper()
	path := recordFile(dir, name)
	partial = path + ".partial"
	if err := f.Put(t.Context(), name, []byte("new")); err != nil {
		t.Fatal(err)
	}
	sealed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Put(t.Context(), name, []byte("old")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(partial, sealed, 0o600); err != nil {
		t.Fatal(err)
	}
	return partial
}

// A new record that was written and not put in its place is the newest one there is.
func TestFileInterrupted(t *testing.T) {
	dir := t.TempDir()
	partial := interrupted(t, openFile(t, dir), dir, "work")
	f := openFile(t, dir)
	wantKept(t, f, "work", "new")
	if _, err := os.Stat(partial); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want the new file in its place", err)
	}
	wantKept(t, f, "work", "new")

	interrupted(t, f, dir, "work")
	if err := f.Put(t.Context(), "work", []byte("newest")); err != nil {
		t.Fatal(err)
	}
	wantKept(t, f, "work", "newest")

	interrupted(t, f, dir, "work")
	if err := f.Delete(t.Context(), "work"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Get(t.Context(), "work"); !errors.Is(err, keystore.ErrNotFound) {
		t.Errorf("deleted: got %v, want %v", err, keystore.ErrNotFound)
	}
}

// However little of a new record was written, the old one stands.
func TestFileCutOff(t *testing.T) {
	dir := t.TempDir()
	f := openFile(t, dir)
	partial := interrupted(t, f, dir, "work")
	whole, err := os.ReadFile(partial)
	if err != nil {
		t.Fatal(err)
	}
	for length := range whole {
		if err := os.WriteFile(partial, whole[:length], 0o600); err != nil {
			t.Fatal(err)
		}
		wantKept(t, f, "work", "old")
		if _, err := os.Stat(partial); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("%d bytes of %d: got %v, want the partial file gone", length, len(whole), err)
		}
	}
}

// What was encrypted to another identity is not ours to take or to remove.
func TestFileInterruptedOfAnother(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	f := openFile(t, dir)
	interrupted(t, f, dir, "work")
	foreign := interrupted(t, openFile(t, other), other, "work")
	if err := os.Rename(foreign, recordFile(dir, "work")+".partial"); err != nil {
		t.Fatal(err)
	}
	wantKept(t, f, "work", "old")
	if _, err := os.Stat(recordFile(dir, "work") + ".partial"); err != nil {
		t.Errorf("got %v, want it left as it was", err)
	}
}

func TestFileDirectoryGone(t *testing.T) {
	dir := t.TempDir()
	f := openFile(t, dir)
	if err := os.RemoveAll(filepath.Join(dir, "credentials")); err != nil {
		t.Fatal(err)
	}
	_, getErr := f.Get(t.Context(), "work")
	for op, err := range map[string]error{"Get": getErr, "Put": f.Put(t.Context(), "work", nil)} {
		if !errors.Is(err, keystore.ErrUnavailable) || errors.Is(err, keystore.ErrNotFound) {
			t.Errorf("%s: got %v, want %v", op, err, keystore.ErrUnavailable)
		}
	}
}

func TestFileTooLarge(t *testing.T) {
	f := openFile(t, t.TempDir())
	if err := f.Put(t.Context(), "work", make([]byte, 72_000)); err != nil {
		t.Errorf("largest: got %v, want nil", err)
	}
	if got, err := f.Get(t.Context(), "work"); err != nil || len(got) != 72_000 {
		t.Errorf("largest: got %d bytes, %v", len(got), err)
	}
	if err := f.Put(t.Context(), "work", make([]byte, 72_001)); !errors.Is(err, keystore.ErrFull) {
		t.Errorf("too large: got %v, want %v", err, keystore.ErrFull)
	}
}

func TestFileIdentity(t *testing.T) {
	x25519, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	second, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"X25519": "# created: today\n# public key: " + x25519.Recipient().String() + "\n" + x25519.String() + "\n",
		"hybrid": "\n" + hybrid.String() + "\n",
		"two":    x25519.String() + "\n" + second.String(),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			config := keystore.FileConfig{Dir: filepath.Join(dir, "state"), Identity: filepath.Join(dir, "key.txt")}
			if err := os.WriteFile(config.Identity, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			f := keystore.NewFile(config)
			if got := f.Needs(); got != keystore.NeedsNothing {
				t.Errorf("needs: got %q, want nothing", got)
			}
			if err := f.Open(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
			if err := f.Put(t.Context(), "work", []byte("kept")); err != nil {
				t.Fatal(err)
			}
			again := keystore.NewFile(config)
			if err := again.Open(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
			wantKept(t, again, "work", "kept")

			none := newFile(config.Dir)
			if err := none.Open(t.Context(), filePassphrase); !errors.Is(err, keystore.ErrIdentity) {
				t.Errorf("without the identity file: got %v, want %v", err, keystore.ErrIdentity)
			}
			other, err := age.GenerateX25519Identity()
			if err != nil {
				t.Fatal(err)
			}
			for what, wrong := range map[string]string{
				"another identity": other.String(), "no identity": "hunter2", "nothing": "# hunter2\n", "a bad one": x25519.String() + "A",
			} {
				if err := os.WriteFile(config.Identity, []byte(wrong), 0o600); err != nil {
					t.Fatal(err)
				}
				err := again.Open(t.Context(), "")
				if !errors.Is(err, keystore.ErrIdentity) {
					t.Errorf("%s: got %v, want %v", what, err, keystore.ErrIdentity)
				}
				if s := fmt.Sprint(err); strings.Contains(s, "hunter2") || strings.Contains(s, "AGE-SECRET-KEY") {
					t.Errorf("%s: the error quotes the file", what)
				}
			}
			if err := os.Remove(config.Identity); err != nil {
				t.Fatal(err)
			}
			if err := again.Open(t.Context(), ""); !errors.Is(err, keystore.ErrIdentity) {
				t.Errorf("no file: got %v, want %v", err, keystore.ErrIdentity)
			}
		})
	}
}

// Ten thousand records: opening and a save cost what they cost with one.
func BenchmarkFile(b *testing.B) {
	for _, records := range []int{1, 10_000} {
		dir := b.TempDir()
		f := openFile(b, dir)
		if err := f.Put(b.Context(), "account-0", make([]byte, 600)); err != nil {
			b.Fatal(err)
		}
		sealed, err := os.ReadFile(recordFile(dir, "account-0"))
		if err != nil {
			b.Fatal(err)
		}
		for i := range records {
			if err := os.WriteFile(recordFile(dir, fmt.Sprintf("account-%d", i)), sealed, 0o600); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprintf("open/%d", records), func(b *testing.B) {
			for b.Loop() {
				openFile(b, dir)
			}
		})
		b.Run(fmt.Sprintf("get/%d", records), func(b *testing.B) {
			for b.Loop() {
				if _, err := f.Get(b.Context(), "account-0"); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("put/%d", records), func(b *testing.B) {
			for b.Loop() {
				if err := f.Put(b.Context(), "account-0", make([]byte, 600)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func FuzzFileRecord(f *testing.F) {
	f.Add([]byte("age-encryption.org/v1\n-> scrypt c2FsdA 22\nAAAA\n--- AAAA\n"))
	f.Add([]byte("age-encryption.org/v1\n-> X25519 AAAA\nAAAA\n--- AAAA\nx"))
	dir := f.TempDir()
	store := openFile(f, dir)
	if err := store.Put(f.Context(), "work", []byte("kept")); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(recordFile(dir, "work"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if err := os.WriteFile(recordFile(dir, "work"), sealed, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := store.Get(t.Context(), "work")
		if err != nil && !errors.Is(err, keystore.ErrDamaged) || err == nil && string(got) != "kept" {
			t.Errorf("got %d bytes, %v, want %v", len(got), err, keystore.ErrDamaged)
		}
	})
}
