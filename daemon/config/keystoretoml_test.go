package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestSetKeystore(t *testing.T) {
	byFile := Keystore{Backend: "file"}
	for _, tt := range []struct {
		name, before string
		set          Keystore
		want         string
		line         int
	}{
		{"no file", "", byFile, "[keystore]\nbackend = \"file\"\n", 2},
		{"a comment alone", "# mine", byFile, "# mine\n\n[keystore]\nbackend = \"file\"\n", 4},
		{"other tables", "[providers.corp]\nissuer = \"https://login.example.com\"\n", byFile,
			"[providers.corp]\nissuer = \"https://login.example.com\"\n\n[keystore]\nbackend = \"file\"\n", 5},
		{"keys before any table", "on_event = [\n  \"notify\",\n]\n", byFile,
			"on_event = [\n  \"notify\",\n]\n\n[keystore]\nbackend = \"file\"\n", 6},
		{"an empty table", "[keystore]", byFile, "[keystore]\nbackend = \"file\"\n", 2},
		{"a table before another", "[ keystore ] # here\n\n[providers.corp]\nissuer = \"https://login.example.com\"", byFile,
			"[ keystore ] # here\nbackend = \"file\"\n\n[providers.corp]\nissuer = \"https://login.example.com\"", 2},
		{"another backend", "[keystore]\n# why\n  backend='keychain'   # at home\n# end", byFile,
			"[keystore]\n# why\n  backend=\"file\"   # at home\n# end", 3},
		{"the same backend", "[keystore]\nbackend = 'file'\n", byFile, "[keystore]\nbackend = 'file'\n", 2},
		{"an identity comes", "[keystore]\nbackend = \"keychain\"\n", Keystore{Backend: "file", Identity: `/home/ada/"key".txt`},
			"[keystore]\nidentity = \"/home/ada/\\\"key\\\".txt\"\nbackend = \"file\"\n", 3},
		{"an identity goes", "[keystore]\nidentity = \"C:\\\\key.txt\"\nbackend = \"file\"\n", byFile,
			"[keystore]\nidentity = \"\"\nbackend = \"file\"\n", 3},
		{"a seal comes", "[keystore]\n", Keystore{Backend: "file", Seal: SealSystemdCreds},
			"[keystore]\nbackend = \"file\"\nseal = \"systemd-creds\"\n", 2},
		{"lines of Windows", "# mine\r\n[keystore]\r\nbackend = \"memory\"\r\n", byFile, "# mine\r\n[keystore]\r\nbackend = \"file\"\r\n", 3},
		{"a new table of Windows", "# mine\r\n", byFile, "# mine\r\n\r\n[keystore]\r\nbackend = \"file\"\r\n", 4},
		{"a mark before the text", "\ufeff# mine\n[keystore]\nbackend = \"memory\"\n", byFile, "\ufeff# mine\n[keystore]\nbackend = \"file\"\n", 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if tt.before != "" {
				dir = files(t, map[string]string{"config.toml": tt.before})
			}
			line, err := SetKeystore(dir, tt.set)
			if err != nil || line != tt.line {
				t.Errorf("got line %d, %v, want %d", line, err, tt.line)
			}
			if got, _ := os.ReadFile(MainFile(dir)); string(got) != tt.want {
				t.Errorf("got the file %q, want %q", got, tt.want)
			}
			c, err := Load(dir)
			if err != nil || c.Backend != tt.set.Backend || !c.Chosen || c.Seal != tt.set.Seal {
				t.Errorf("got backend %q, chosen %t, seal %q, %v", c.Backend, c.Chosen, c.Seal, err)
			}
		})
	}
}

func TestSetKeystoreLeavesAlone(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a dotted key", "keystore.backend = \"memory\"\n", "is written in a way"},
		{"an inline table", "keystore = { backend = \"memory\" }\n", "is written in a way"},
		{"a quoted table", "[\"keystore\"]\nbackend = \"memory\"\n", "is written in a way"},
		{"a long string", "[keystore]\nbackend = \"\"\"memory\"\"\"\n", "is written in a way"},
		{"a table in a string", "[providers.corp]\nissuer = \"https://login.example.com\"\ntitle = \"\"\"\n[keystore]\nbackend = 'x'\n\"\"\"\n", "is written in a way"},
		{"a mistake", "[keystore]\nbakend = \"memory\"\n", "unknown key"},
		{"a mistake in a provider", "[providers.corp]\nredirect_port = \"never\"\n", "config.toml:"},
		{"no TOML", "backend = memory\n", "config.toml:1"},
		{"UTF-16", "\xff\xfeb\x00", "config.toml"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := files(t, map[string]string{"config.toml": tt.text})
			if _, err := SetKeystore(dir, Keystore{Backend: "file"}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
			if got, _ := os.ReadFile(MainFile(dir)); string(got) != tt.text {
				t.Errorf("got the file %q, want it as it was", got)
			}
		})
	}
}

func TestSetKeystoreMindsTheFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links and modes are those of Unix")
	}
	const text = "[keystore]\nbackend = \"memory\"\n"
	link := files(t, map[string]string{"mine.toml": text})
	if err := os.Symlink("mine.toml", MainFile(link)); err != nil {
		t.Fatal(err)
	}
	readOnly := files(t, map[string]string{"config.toml": text})
	if err := os.Chmod(MainFile(readOnly), 0o400); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{link: "is a link", readOnly: "is read-only"} {
		var untouchable *Untouchable
		if _, err := SetKeystore(dir, Keystore{Backend: "file"}); !errors.As(err, &untouchable) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an Untouchable that %s", err, want)
		}
	}
	if got, _ := os.ReadFile(filepath.Join(link, "mine.toml")); string(got) != text {
		t.Errorf("behind the link: got %q, want it as it was", got)
	}
	shared := files(t, map[string]string{"config.toml": text})
	if err := os.Chmod(MainFile(shared), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := SetKeystore(shared, Keystore{Backend: "file"}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(MainFile(shared)); err != nil || info.Mode() != fs.FileMode(0o644) {
		t.Errorf("got mode %v, %v, want it as it was", info.Mode(), err)
	}
}

func TestSeal(t *testing.T) {
	for text, want := range map[string]string{
		"[keystore]\nbackend = \"file\"\nseal = \"wax\"\n":                             "config.toml:3: seal is \"systemd-creds\", or left out",
		"[keystore]\nbackend = \"file\"\nidentity = \"k\"\nseal = \"systemd-creds\"\n": "config.toml:4: seal and identity exclude each other",
	} {
		if _, got := mistakes(t, files(t, map[string]string{"config.toml": text})); len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
