package helpers

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestSetting(t *testing.T) {
	const line = "providers = [\"a\"]\n"
	for _, test := range []struct{ name, before, after, left string }{
		{name: "no file", after: "[registry] # for oauthd\n" + line},
		{name: "another table", before: "[net]\ngit = 1\n", after: "[net]\ngit = 1\n[registry] # for oauthd\n" + line},
		{name: "no end of the line", before: "[net]\ngit = 1", after: "[net]\ngit = 1\n[registry] # for oauthd\n" + line, left: "[net]\ngit = 1\n"},
		{name: "the table", before: "# mine\n[registry]\ndefault = \"r\"\n\n[net]\ngit = 1\n", after: "# mine\n[registry]\n" + line + "default = \"r\"\n\n[net]\ngit = 1\n"},
		{name: "the table, empty, at the end", before: "a = 1\n [ registry ] # mine", after: "a = 1\n [ registry ] # mine\n" + line, left: "a = 1\n [ registry ] # mine\n"},
		{name: "a table below", before: "[registry.x]\na = 1\n", after: "[registry.x]\na = 1\n[registry] # for oauthd\n" + line},
		{name: "many lines", before: "x = \"\"\"\n[other]\n\"\"\"\r\n# \xc3\xa9\n", after: "x = \"\"\"\n[other]\n\"\"\"\r\n# \xc3\xa9\n[registry] # for oauthd\n" + line},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "config.toml")
			if test.before != "" {
				write(t, file, test.before)
			}
			if test.left == "" {
				test.left = test.before
			}
			s := &Setting{File: file, Table: "registry", Key: "providers", Value: `["a"]`}
			for range 2 {
				if err := s.Make(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := read(t, file); got != test.after {
					t.Fatalf("made: got %q, want %q", got, test.after)
				}
			}
			for range 2 {
				if err := s.Unmake(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := read(t, file); got != test.left {
					t.Errorf("undone: got %q, want %q", got, test.left)
				}
			}
		})
	}
}

// What the person has put below the header that came with the setting stays in its table.
func TestSettingLeavesATableThatIsUsed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.toml")
	s := &Setting{File: file, Table: "registry", Key: "providers", Value: `["a"]`}
	if err := s.Make(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, file, read(t, file)+"default = \"r\"\n")
	if err := s.Unmake(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := read(t, file); got != "[registry] # for oauthd\ndefault = \"r\"\n" {
		t.Errorf("got %q, want the table with what is in it", got)
	}
}

func TestSettingThatCannotBeMade(t *testing.T) {
	for _, test := range []struct{ name, before, want string }{
		{"the key has another value", "[registry]\nproviders = [\"b\"]\n", "is there already"},
		{"the key in another notation", "registry.providers = [\"b\"]\n", "is there already"},
		{"the table on one line", "registry = { default = \"r\" }\n", "is there already"},
		{"no TOML", "[registry\n", "not TOML"},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "config.toml")
			write(t, file, test.before)
			s := &Setting{File: file, Table: "registry", Key: "providers", Value: `["a"]`}
			if err := s.Make(t.Context()); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if err := s.Unmake(t.Context()); err != nil {
				t.Error(err)
			}
			if got := read(t, file); got != test.before {
				t.Errorf("got %q, want what was there", got)
			}
		})
	}
}
