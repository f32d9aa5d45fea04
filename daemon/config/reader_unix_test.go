//go:build unix

package config

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// A pipe that nobody writes to would block whoever opens it.
func TestPipesAreNotOpened(t *testing.T) {
	dir := files(t, map[string]string{"accounts/a.toml": "client_secrets = \"pipe.json\"\n"})
	for _, path := range []string{MainFile(dir), AccountFile(dir, "work"), dir + "/accounts/pipe.json"} {
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, wrong := mistakes(t, dir)
	if len(c.Accounts) != 0 || len(wrong) != 3 {
		t.Fatalf("got %v, %q; want three mistakes", clients(c), wrong)
	}
	for _, line := range wrong {
		if !strings.Contains(line, "cannot be read: not a regular file") {
			t.Errorf("got %q, want it to say what is wrong", line)
		}
	}
}

// A file that may be read again is, although nothing in it changed.
func TestUnreadableFileIsTriedAgain(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may read everything")
	}
	dir := files(t, map[string]string{"accounts/a.toml": "provider = \"google\"\nclient_id = \"a1\"\n"})
	r := NewReader(dir, nil)
	settled(t, r)
	if err := os.Chmod(AccountFile(dir, "a"), 0); err != nil {
		t.Fatal(err)
	}
	if c := read(t, r); c.Err() == nil || c.Accounts["a"] == nil {
		t.Errorf("got %v, %v; want a mistake, and the account as before", clients(c), c.Err())
	}
	if err := os.Chmod(AccountFile(dir, "a"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c := read(t, r); c.Err() != nil || c.Accounts["a"] == nil {
		t.Errorf("got %v, %v; want the account", clients(c), c.Err())
	}
}
