//go:build unix

package config

import (
	"errors"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"oauthd/daemon/account"
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
		if !strings.Contains(line, "is a pipe, not a regular file") {
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

// TestOnlyOursIsTrusted has configuration where, or as, others could have written it.
func TestOnlyOursIsTrusted(t *testing.T) {
	const nobody = 65534
	for _, tt := range []struct {
		name    string
		prepare func(dir string) error
		want    []string // the mistakes
		backend string
	}{
		{"dotfiles behind links", func(dir string) error {
			for _, name := range []string{"config.toml", "accounts"} {
				if err := os.Rename(dir+"/"+name, dir+"/dotfiles/"+name); err != nil {
					return err
				}
				if err := os.Symlink("dotfiles/"+name, dir+"/"+name); err != nil {
					return err
				}
			}
			return nil
		}, nil, "memory"},
		{"a directory that others may write to", func(dir string) error { return os.Chmod(dir, 0o777) }, []string{
			"config.toml: cannot be trusted:  can be written to by others (mode 0777); chmod go-w ",
			"accounts: cannot be trusted:  can be written to by others (mode 0777); chmod go-w ",
		}, "keychain"},
		{"accounts that others may add to", func(dir string) error { return os.Chmod(dir+"/accounts", 0o777) }, []string{
			"accounts: can be written to by others (mode 0777); chmod go-w accounts",
		}, "memory"},
		{"files that others may write to", func(dir string) error {
			return errors.Join(os.Chmod(dir+"/config.toml", 0o666), os.Chmod(dir+"/accounts/a.toml", 0o602))
		}, []string{
			"config.toml: can be written to by others (mode 0666); chmod go-w config.toml",
			"accounts/a.toml: can be written to by others (mode 0602); chmod go-w accounts/a.toml",
		}, "keychain"},
		{"another user's files", func(dir string) error {
			return errors.Join(os.Chown(dir+"/config.toml", nobody, nobody), os.Chown(dir+"/accounts/a.toml", nobody, nobody))
		}, []string{
			"config.toml: belongs to uid 65534, not to you (uid 0)", "accounts/a.toml: belongs to uid 65534, not to you (uid 0)",
		}, "keychain"},
		{"another user's directory", func(dir string) error { return os.Chown(dir+"/accounts", nobody, nobody) }, []string{
			"accounts: belongs to uid 65534, not to you (uid 0)",
		}, "memory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if strings.HasPrefix(tt.name, "another user") && os.Getuid() != 0 {
				t.Skip("needs root, to give files away")
			}
			dir := files(t, map[string]string{
				"config.toml":     "[keystore]\nbackend = \"memory\"\n",
				"accounts/a.toml": "provider = \"google\"\nclient_id = \"a1\"\n",
				"dotfiles/.keep":  "",
			})
			if err := tt.prepare(dir); err != nil {
				t.Fatal(err)
			}
			c, got := mistakes(t, dir)
			for i := range got {
				got[i] = strings.ReplaceAll(strings.ReplaceAll(got[i], dir+"/", ""), dir, "")
			}
			if !slices.Equal(got, tt.want) || c.Backend != tt.backend || (len(c.Accounts) == 1) != (tt.want == nil) {
				t.Errorf("got %q, backend %q, %d accounts; want %q, %q", got, c.Backend, len(c.Accounts), tt.want, tt.backend)
			}
		})
	}
}

// TestAccountsAreWrittenWhereOnlyWeCan saves and removes an account in a directory of others, and behind a link.
func TestAccountsAreWrittenWhereOnlyWeCan(t *testing.T) {
	a := account.Account{Name: "work", Provider: "google", ClientID: "a1", Grant: account.GrantAuthorizationCode}
	dir := files(t, map[string]string{"accounts/other.toml": "", "precious": "precious"})
	if err := os.Symlink("../precious", AccountFile(dir, "work")); err != nil {
		t.Fatal(err)
	}
	if _, err := writeAccount(dir, a); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(dir + "/precious"); string(text) != "precious" {
		t.Errorf("got %q, %v, want what the link led to untouched", text, err)
	}
	if info, err := os.Lstat(AccountFile(dir, "work")); err != nil || info.Mode() != 0o600 {
		t.Errorf("got %v, %v, want a file, 0600", info, err)
	}
	if err := os.Chmod(dir+"/accounts", 0o777); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(AccountFile(dir, "work"))
	if err != nil {
		t.Fatal(err)
	}
	a.ClientID = "a2"
	if _, err := writeAccount(dir, a); err == nil {
		t.Error("an account was written where others may write")
	}
	if err := removeAccount(dir, "work"); err == nil {
		t.Error("an account was removed where others may write")
	}
	if after, err := os.ReadFile(AccountFile(dir, "work")); string(after) != string(before) {
		t.Errorf("got %q, %v, want the file as it was", after, err)
	}
}

// A file that looks as before but for the time its inode changed, which no program can set back, is read again.
func TestReaderSeesAChangeThatHides(t *testing.T) {
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("this system's change times are not looked at")
	}
	dir := files(t, map[string]string{"accounts/a.toml": "provider = \"google\"\nclient_id = \"a1\"\n"})
	file := AccountFile(dir, "a")
	r := NewReader(dir, nil)
	settled(t, r)
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "accounts/a.toml", "provider = \"google\"\nclient_id = \"a2\"\n")
	if err := os.Chtimes(file, before.ModTime(), before.ModTime()); err != nil {
		t.Fatal(err)
	}
	if got := clients(read(t, r)); got["a"] != "a2" {
		t.Errorf("got %v, want what the file says now", got)
	}
}

// A file that cannot even be looked at is a mistake, and asked about again.
func TestLinkThatLeadsToItself(t *testing.T) {
	dir := files(t, map[string]string{"accounts/ok.toml": "provider = \"google\"\nclient_id = \"app\"\n"})
	loop := AccountFile(dir, "loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	r := NewReader(dir, nil)
	for range 2 {
		c := read(t, r)
		if c.Err() == nil || !strings.Contains(c.Err().Error(), "loop.toml") || len(c.Accounts) != 1 {
			t.Errorf("got %v, %v; want a mistake in loop.toml, and the other account", clients(c), c.Err())
		}
		if !c.Stale("loop") {
			t.Error("got a link that is known, want it asked about again")
		}
	}
}
