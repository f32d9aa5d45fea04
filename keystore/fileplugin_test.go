package keystore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"oauthd/keystore"

	"filippo.io/age"
	"filippo.io/age/plugin"
)

const (
	pluginName = "oauthdtest"
	// endlessly is the PIN at which the plugin waits for a touch that never comes.
	endlessly = "0000"
)

// agePlugin is a plugin like a security key's: its identity names a key and, where there is one, a PIN.
func agePlugin() int {
	p, err := plugin.New(pluginName)
	if err != nil {
		return 1
	}
	parse := func(data []byte) (key *age.X25519Identity, pin string, err error) {
		text, pin, _ := strings.Cut(string(data), " ")
		key, err = age.ParseX25519Identity(text)
		return key, pin, err
	}
	p.HandleIdentityAsRecipient(func(data []byte) (age.Recipient, error) {
		key, _, err := parse(data)
		if err != nil {
			return nil, err
		}
		return key.Recipient(), nil
	})
	p.HandleIdentity(func(data []byte) (age.Identity, error) {
		key, pin, err := parse(data)
		return guarded{p, key, pin}, err
	})
	return p.Main()
}

// guarded is a key that a PIN opens; "" is none.
type guarded struct {
	plugin *plugin.Plugin
	key    *age.X25519Identity
	pin    string
}

func (g guarded) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	if g.pin != "" {
		pin, err := g.plugin.RequestValue("PIN:", true)
		if err != nil {
			return nil, err
		}
		if pin == endlessly {
			_, _ = os.Stdin.Read(make([]byte, 1))
		}
		if pin != g.pin {
			return nil, fmt.Errorf("wrong PIN for %s", g.key)
		}
	}
	return g.key.Unwrap(stanzas)
}

// installPlugin puts the plugin, alone, on PATH.
func installPlugin(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the plugin is a link to this program")
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(program, filepath.Join(dir, "age-plugin-"+pluginName)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
}

func TestFilePlugin(t *testing.T) {
	const pin = "271828"
	for _, test := range []struct {
		name, pin, given string
		want             error
	}{
		{"without a PIN", "", "", nil},
		{"with its PIN", pin, pin, nil},
		{"without the PIN it asks for", pin, "", keystore.ErrNoPassphrase},
		{"with another PIN", pin, "314159", keystore.ErrIdentity},
	} {
		t.Run(test.name, func(t *testing.T) {
			installPlugin(t)
			key, err := age.GenerateX25519Identity()
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			config := keystore.FileConfig{Dir: filepath.Join(dir, "state"), Identity: filepath.Join(dir, "keys")}
			line := plugin.EncodeIdentity(pluginName, []byte(strings.TrimSpace(key.String()+" "+test.pin)))
			if err := os.WriteFile(config.Identity, []byte("# a security key\n"+line+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			made := keystore.NewFile(config)
			if err := made.Open(t.Context(), ""); err != nil {
				t.Fatalf("made: got %v, want nil", err)
			}
			if err := made.Put(t.Context(), "work", []byte("kept")); err != nil {
				t.Fatal(err)
			}
			sealed, err := os.ReadFile(filepath.Join(config.Dir, "identity.age"))
			if err != nil || bytes.Contains(sealed, []byte("scrypt")) {
				t.Fatalf("got %v and %d bytes of identity.age, want them of the plugin", err, len(sealed))
			}

			f := keystore.NewFile(config)
			if got := f.Needs(); got != keystore.NeedsNothing {
				t.Errorf("needs: got %q, want nothing", got)
			}
			err = f.Open(t.Context(), test.given)
			if !errors.Is(err, test.want) || f.Closed() != (test.want != nil) || errors.Is(err, keystore.ErrDamaged) {
				t.Errorf("got %v, closed %t, want %v", err, f.Closed(), test.want)
			}
			if test.want == keystore.ErrIdentity && !strings.Contains(err.Error(), "its plugin failed") {
				t.Errorf("got %v, want it blamed on the plugin", err)
			}
			if got, want := f.Needs(), map[bool]string{true: keystore.NeedsPIN}[errors.Is(test.want, keystore.ErrNoPassphrase)]; got != want {
				t.Errorf("afterwards: needs %q, want %q", got, want)
			}
			if strings.Contains(fmt.Sprint(err), "AGE-") {
				t.Error("the error says what the plugin said")
			}
			if test.want == nil {
				wantKept(t, f, "work", "kept")
			}

			t.Setenv("PATH", "")
			if err := keystore.NewFile(config).Open(t.Context(), test.given); !errors.Is(err, keystore.ErrIdentity) {
				t.Errorf("not on PATH: got %v, want %v", err, keystore.ErrIdentity)
			}
			config.Dir = filepath.Join(dir, "other")
			if err := keystore.NewFile(config).Open(t.Context(), ""); !errors.Is(err, keystore.ErrIdentity) {
				t.Errorf("not on PATH, new: got %v, want %v", err, keystore.ErrIdentity)
			}
		})
	}
}

// A security key that nobody touches does not hold up who asked.
func TestFilePluginWaits(t *testing.T) {
	installPlugin(t)
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config := keystore.FileConfig{Dir: filepath.Join(dir, "state"), Identity: filepath.Join(dir, "keys")}
	line := plugin.EncodeIdentity(pluginName, []byte(key.String()+" 271828"))
	if err := os.WriteFile(config.Identity, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	f := keystore.NewFile(config)
	if err := f.Open(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	f.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := f.Open(ctx, endlessly); !errors.Is(err, context.DeadlineExceeded) || !f.Closed() {
		t.Errorf("got %v, closed %t, want %v", err, f.Closed(), context.DeadlineExceeded)
	}
}
