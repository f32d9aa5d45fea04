package keystore_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"oauthd/keystore"

	"filippo.io/age/plugin"
)

// fakeCreds is a systemd-creds that takes the command lines of systemd-creds(1) that we use, and no other.
const fakeCreds = `#!/bin/sh
case "$*" in
--version) echo "systemd $FAKE_VERSION"; echo "+PAM" ;;
"encrypt --user --name=oauthd - -") [ -z "$FAKE_BROKEN" ] || exit 1; { echo sealed on $FAKE_MACHINE; cat; } | base64 ;;
"decrypt --user --name=oauthd --newline=no - -")
	base64 -d >"$0.read"; read -r sealed on machine <"$0.read"; [ "$machine" = "$FAKE_MACHINE" ] || exit 1; sed 1d "$0.read" ;;
*) echo "unknown: $*" >&2; exit 2 ;;
esac
`

// installCreds puts a systemd-creds of that version first on PATH.
func installCreds(t *testing.T, version string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("systemd-creds is a program of Linux")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "systemd-creds"), []byte(fakeCreds), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("FAKE_VERSION", version)
	t.Setenv("FAKE_MACHINE", "desk")
}

func TestSystemdCredsVersion(t *testing.T) {
	for version, want := range map[string]string{
		"257 (257.9-1~deb13u1)": "", "258~rc1 (258~rc1)": "", "257.4 (257.4)": "",
		"256 (256.7)": "systemd here is 256", "252 (252.38-1~deb12u1)": "systemd here is 252", "": "does not say its version",
	} {
		t.Run(version, func(t *testing.T) {
			installCreds(t, version)
			err := keystore.SystemdCreds{}.Works(t.Context())
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}

func TestSystemdCredsBroken(t *testing.T) {
	installCreds(t, "257 (257)")
	t.Setenv("FAKE_BROKEN", "1")
	if err := (keystore.SystemdCreds{}).Works(t.Context()); err == nil || !strings.Contains(err.Error(), "encrypt failed: exit status 1") {
		t.Errorf("got %v, want the failure of encrypt", err)
	}
	t.Setenv("PATH", t.TempDir())
	if err := (keystore.SystemdCreds{}).Works(t.Context()); err == nil || !strings.Contains(err.Error(), "no systemd-creds on PATH") {
		t.Errorf("got %v, want that there is none", err)
	}
}

func TestSealedFile(t *testing.T) {
	installCreds(t, "257 (257.9)")
	config := keystore.FileConfig{Dir: filepath.Join(t.TempDir(), "state"), Sealer: keystore.SystemdCreds{}}
	f := keystore.NewFile(config)
	if got := f.Needs(); got != keystore.NeedsNothing {
		t.Errorf("a new one needs %q, want nothing", got)
	}
	if err := f.Open(t.Context(), ""); err != nil {
		t.Fatalf("made: got %v, want nil", err)
	}
	if err := f.Put(t.Context(), "work", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	if empty, err := f.Empty(); empty || err != nil {
		t.Errorf("got empty %t, %v, want a record", empty, err)
	}
	again := keystore.NewFile(config)
	if err := again.Open(t.Context(), ""); err != nil || again.Needs() != keystore.NeedsNothing {
		t.Fatalf("opened: got %v, needs %q, want neither", err, again.Needs())
	}
	wantKept(t, again, "work", "kept")
	cred, err := os.ReadFile(filepath.Join(config.Dir, "identity.cred"))
	if err != nil || strings.Contains(string(cred), "AGE-SECRET-KEY") {
		t.Errorf("identity.cred: got %v, in the clear %t", err, strings.Contains(string(cred), "AGE-SECRET-KEY"))
	}

	t.Setenv("FAKE_MACHINE", "elsewhere")
	moved := keystore.NewFile(config)
	if err := moved.Open(t.Context(), ""); !errors.Is(err, keystore.ErrSealed) || !moved.Closed() {
		t.Errorf("on another machine: got %v, want ErrSealed", err)
	}
	t.Setenv("FAKE_MACHINE", "desk")
	if err := os.Remove(filepath.Join(config.Dir, "identity.cred")); err != nil {
		t.Fatal(err)
	}
	if err := moved.Open(t.Context(), ""); !errors.Is(err, keystore.ErrSealed) {
		t.Errorf("without identity.cred: got %v, want ErrSealed", err)
	}
}

// A store that a passphrase opens stays one: a seal is for a store that is still to be made.
func TestSealComesTooLate(t *testing.T) {
	installCreds(t, "257 (257.9)")
	config := keystore.FileConfig{Dir: filepath.Join(t.TempDir(), "state"), WorkFactor: 10}
	if err := keystore.NewFile(config).Open(t.Context(), "hunter2"); err != nil {
		t.Fatal(err)
	}
	config.Sealer = keystore.SystemdCreds{}
	f := keystore.NewFile(config)
	if err := f.Open(t.Context(), "hunter2"); err != nil || f.Needs() != keystore.NeedsPassphrase {
		t.Errorf("got %v, needs %q, want it opened by its passphrase", err, f.Needs())
	}
}

func TestEmpty(t *testing.T) {
	f := keystore.NewFile(keystore.FileConfig{Dir: filepath.Join(t.TempDir(), "state")})
	if empty, err := f.Empty(); !empty || err != nil {
		t.Errorf("a store that was never made: got %t, %v, want empty", empty, err)
	}
	var m keystore.Memory
	if empty, _ := m.Empty(); !empty {
		t.Error("a new memory store is not empty")
	}
	if err := m.Put(t.Context(), "work", nil); err != nil {
		t.Fatal(err)
	}
	if empty, _ := m.Empty(); empty {
		t.Error("a memory store with a record is empty")
	}
}

func TestCheckIdentities(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"none": "# created\n", "other": "ssh-ed25519 AAAA\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	line := plugin.EncodeIdentity("oauthdmissing", []byte("key"))
	if err := os.WriteFile(filepath.Join(dir, "no plugin"), []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"none", "other", "missing", "no plugin"} {
		if err := keystore.CheckIdentities(t.Context(), filepath.Join(dir, name)); !errors.Is(err, keystore.ErrIdentity) {
			t.Errorf("%s: got %v, want ErrIdentity", name, err)
		}
	}
}
