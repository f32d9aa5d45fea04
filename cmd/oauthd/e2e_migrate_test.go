//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oauthd/keystore/storetest"
)

// testMigrate moves a login from the keyring to files and back.
func testMigrate(t *testing.T, h *house) {
	d := newDesk(t, h, storetest.Keyring{})
	passphrase := d.path("passphrase")
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := func(exit int, text string, args ...string) {
		t.Helper()
		if r := d.run(t, args...); r.exit != exit || !strings.Contains(r.stdout+r.stderr, text) {
			t.Fatalf("oauthd %s: got exit %d, %s%s, want exit %d and %q", strings.Join(args, " "), r.exit, r.stdout, r.stderr, exit, text)
		}
	}
	write(passphrase, "correct horse\n")
	d.env = append(d.env, "OAUTHD_PASSPHRASE_FILE="+passphrase)
	config := d.path(".config", "oauthd", "config.toml")
	if err := os.MkdirAll(filepath.Dir(config), 0o700); err != nil {
		t.Fatal(err)
	}
	d.loginWork(t)
	d.token(t, "work")
	want(1, "a daemon already runs", "keystore", "migrate", "--to", "file")
	want(0, "has ended", "stop")
	want(2, `says backend = "keychain" already`, "keystore", "migrate", "--to", "keychain")
	want(0, "looks in keychain", "keystore", "migrate", "--to", "file")
	if items := d.keyring.Items(t); len(items) != 0 {
		t.Errorf("the keyring: got items %q, want none", items)
	}
	write(config, "[keystore]\nbackend = \"file\"\n")
	d.token(t, "work")
	want(0, "has ended", "stop")
	want(0, "records moved from file to keychain: 2", "keystore", "migrate", "--to", "keychain")
	if records, err := filepath.Glob(d.path(".local", "state", "oauthd", "credentials", "*")); err != nil || len(records) != 0 {
		t.Errorf("got files %q, %v, want none", records, err)
	}
	write(config, "[keystore]\nbackend = \"keychain\"\n")
	d.token(t, "work")
}
