package config

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestWhereAMistakeIs checks that a mistake is reported at the line of its own table, in the order of the lines.
func TestWhereAMistakeIs(t *testing.T) {
	for _, tt := range []struct {
		name, toml, line, says string
	}{
		{"the second of two tables", "[providers.a]\nissuer = \"https://a.example.com\"\n[providers.b]\nissuer = \"http://b.example.com\"\n",
			":4: ", "issuer"},
		{"a table that lacks something", "[providers.a]\nissuer = \"https://a.example.com\"\n  [providers.b]\n", ":3: ", ""},
		{"an indented table", "[providers.a]\nissuer = \"https://a.example.com\"\n  [keystore]\nbackend = \"disk\"\n", ":4: ", "backend is"},
		{"indented, behind a comment", "[keystore] # where\n# backend = \"file\"\n\t backend = \"disk\"\n", ":3: ", "backend is"},
		{"syntax", "[keystore]\nbackend = \n", ":2: ", ""},
		{"a secret", "client_secret = \"x\"\n", ":1: ", "a secret does not belong here"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, wrong := mistakes(t, files(t, map[string]string{"config.toml": tt.toml}))
			if len(wrong) != 1 || !strings.Contains(wrong[0], "config.toml"+tt.line) || !strings.Contains(wrong[0], tt.says) ||
				strings.Contains(wrong[0], "but it must be") {
				t.Errorf("got mistakes %q, want one at%s that says %q", wrong, tt.line, tt.says)
			}
		})
	}
	_, wrong := mistakes(t, files(t, map[string]string{"config.toml": "[providers.a]\nissuer = \"http://a.example.com\"\n[keystore]\nbackend = \"disk\"\n"}))
	if len(wrong) != 2 || !strings.Contains(wrong[0], ":2: ") || !strings.Contains(wrong[1], ":4: ") {
		t.Errorf("got mistakes %q, want them in the order of their lines", wrong)
	}
	_, wrong = mistakes(t, files(t, map[string]string{"config.toml": "colour = \"red\"\n"}))
	if len(wrong) != 1 || strings.Contains(wrong[0], "secret") {
		t.Errorf("got mistakes %q, want one that speaks of no secret", wrong)
	}
	_, wrong = mistakes(t, files(t, map[string]string{"accounts/work.toml": "client_secrets = \"missing.json\"\n"}))
	if len(wrong) != 1 || !strings.Contains(wrong[0], "missing.json cannot be read: ") {
		t.Errorf("got mistakes %q, want the file that is missing", wrong)
	}
}

// TestFileThatCannotBeUnderstood checks that nothing is taken of a file whose syntax is wrong, even at the first reading.
func TestFileThatCannotBeUnderstood(t *testing.T) {
	c, wrong := mistakes(t, files(t, map[string]string{
		"config.toml": "[keystore]\nbackend = \"file\"\n[providers.corp]\nissuer = \"https://login.example.com\"\n[keystore\n",
	}))
	if len(wrong) != 1 || c.Backend != defaultBackend || len(c.Providers) != 0 {
		t.Errorf("got mistakes %q, backend %s, %d providers; want one, and nothing taken", wrong, c.Backend, len(c.Providers))
	}
}

// TestIdentityPath checks that only a relative path is one beside config.toml.
func TestIdentityPath(t *testing.T) {
	dir := files(t, map[string]string{"config.toml": "[keystore]\nidentity = \"key.txt\"\n"})
	if c, _ := mistakes(t, dir); c.Identity != filepath.Join(dir, "key.txt") {
		t.Errorf("relative: got %q, want it in %s", c.Identity, dir)
	}
	absolute := filepath.Join(t.TempDir(), "key.txt")
	if c, _ := mistakes(t, files(t, map[string]string{"config.toml": "[keystore]\nidentity = '" + absolute + "'\n"})); c.Identity != absolute {
		t.Errorf("absolute: got %q, want %q", c.Identity, absolute)
	}
}

// TestOddIdentityIsWrittenAsItIs checks that what is odd in a path is written so that it is read back, into a file that
// is ours alone.
func TestOddIdentityIsWrittenAsItIs(t *testing.T) {
	dir := t.TempDir()
	want := Keystore{Backend: "file", Identity: filepath.Join(dir, "a\x7f\x1f\t \"b\"\\~é")}
	if _, err := SetKeystore(dir, want); err != nil {
		t.Fatal(err)
	}
	c, wrong := mistakes(t, dir)
	if wrong != nil || c.Identity != want.Identity || c.Backend != "file" {
		t.Errorf("got %q of %s (mistakes %q), want %q", c.Identity, c.Backend, wrong, want.Identity)
	}
	info, err := os.Stat(MainFile(dir))
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		t.Errorf("got %v, %v; want a file that nobody else may read", info.Mode(), err)
	}
}

// TestStaleWithoutAListing checks that nothing counts as read as long as the accounts cannot be listed.
func TestStaleWithoutAListing(t *testing.T) {
	dir := files(t, map[string]string{"accounts": "not a directory"})
	c, wrong := mistakes(t, dir)
	if len(wrong) != 1 || !c.Stale("work") {
		t.Errorf("got mistakes %q, stale %t; want one, and the files looked at again", wrong, c.Stale("work"))
	}
}
