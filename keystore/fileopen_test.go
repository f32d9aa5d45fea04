package keystore_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oauthd/keystore"
)

// What protects the identity costs whoever guesses the passphrase half a second each time.
func TestFileDefaultWorkFactor(t *testing.T) {
	dir := t.TempDir()
	if err := keystore.NewFile(keystore.FileConfig{Dir: dir}).Open(t.Context(), filePassphrase); err != nil {
		t.Fatal(err)
	}
	sealed, err := os.ReadFile(filepath.Join(dir, "identity.age"))
	if err != nil {
		t.Fatal(err)
	}
	stanza := strings.Fields(strings.Split(string(sealed), "\n")[1])
	if len(stanza) != 4 || stanza[1] != "scrypt" || stanza[3] != "17" {
		t.Errorf("got %q, want scrypt with the factor 17", stanza)
	}
}

// A file that asks for more memory than any store of ours is refused before that is spent.
func TestFileExcessiveWorkFactor(t *testing.T) {
	dir := t.TempDir()
	f := openFile(t, dir)
	path := filepath.Join(dir, "identity.age")
	sealed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitN(sealed, []byte("\n"), 3)
	lines[1] = append(bytes.TrimSuffix(lines[1], []byte(" 2")), " 21"...)
	if err := os.WriteFile(path, bytes.Join(lines, []byte("\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Open(t.Context(), filePassphrase); !errors.Is(err, keystore.ErrDamaged) {
		t.Errorf("got %v, want %v", err, keystore.ErrDamaged)
	}
}

// A store whose identity.age cannot be read asks for no new passphrase: that would be for a new store.
func TestFileNeedsOfAnUnreadableStore(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "identity.age"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := newFile(dir).Needs(); got != keystore.NeedsNothing {
		t.Errorf("got %q, want nothing that opening could use", got)
	}
}

// Names are those of the records, in the order of the names and not of their files.
func TestFileNames(t *testing.T) {
	dir := t.TempDir()
	f := openFile(t, dir)
	want := []string{".probe", "home", "work", "work+2", "work-2"}
	slices.Sort(want)
	for _, name := range want {
		if err := f.Put(t.Context(), name, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	for _, stranger := range []string{"README", "home.age~", "a b.age"} {
		if err := os.WriteFile(filepath.Join(dir, "credentials", stranger), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := f.Names(t.Context()); err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

// An identity file that cannot be used is named, and the line that is wrong in it.
func TestFileIdentityNamesTheLine(t *testing.T) {
	dir := t.TempDir()
	config := keystore.FileConfig{Dir: filepath.Join(dir, "state"), Identity: filepath.Join(dir, "key.txt")}
	if err := os.WriteFile(config.Identity, []byte("# a comment\n\nhunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := keystore.NewFile(config).Open(t.Context(), "")
	if want := config.Identity + ":3 is not an age identity"; !strings.Contains(fmt.Sprint(err), want) {
		t.Errorf("got %v, want %q in it", err, want)
	}
}
