package helpers

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"oauthd/ipc/api"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// home is a directory of the test's own whose path has no links.
func home(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestLink(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a right there")
	}
	dir := home(t)
	link := &Link{Path: filepath.Join(dir, "bin", "git-credential-oauthd"), To: "/opt/oauthd/bin/oauthd"}
	if err := link.Unmake(t.Context()); err != nil {
		t.Errorf("without the directory: got %v", err)
	}
	for range 2 {
		if err := link.Make(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, program := range []string{"/usr/bin/oauthd", "/usr/bin/oauthd-helper", "/opt/oauthd"} {
		elsewhere := &Link{Path: link.Path, To: program}
		if err := elsewhere.Make(t.Context()); err != nil {
			t.Fatal(err)
		}
		if to, err := os.Readlink(link.Path); err != nil || to != program {
			t.Errorf("got %q, %v, want the newer %s", to, err, program)
		}
	}
	if err := link.Unmake(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, link.Path, "somebody else's")
	if err := link.Make(t.Context()); err == nil || !strings.Contains(err.Error(), "no link to oauthd") {
		t.Errorf("over a file: got %v", err)
	}
	if err := link.Unmake(t.Context()); err != nil || read(t, link.Path) != "somebody else's" {
		t.Errorf("unmade over a file: got %v", err)
	}
}

func TestBlock(t *testing.T) {
	const body = "credentials_helper \"oauthd\" {}\n"
	for _, test := range []struct{ name, before, made, unmade string }{
		{"an empty file", "", body, ""},
		{"a line", "plugin = true\n", "plugin = true\n" + body, "plugin = true\n"},
		{"a line without an end", "plugin = true", "plugin = true\n" + body, "plugin = true\n"},
		{"made already", "a\n" + body + "b\n", "a\n" + body + "b\n", "a\nb\n"},
		{"a comment", "# " + body, "# " + body + body, "# " + body},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(home(t), "rc")
			write(t, file, test.before)
			step := &Block{File: file, Body: body}
			for range 2 {
				if err := step.Make(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := read(t, file); got != test.made {
					t.Errorf("made: got %q, want %q", got, test.made)
				}
			}
			if err := step.Unmake(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := read(t, file); got != test.unmade {
				t.Errorf("unmade: got %q, want %q", got, test.unmade)
			}
		})
	}
}

func TestMember(t *testing.T) {
	path := []string{"credHelpers", "registry.example.com:5000"}
	for _, test := range []struct{ name, before, made, unmade string }{
		{"an empty file", "", `{"credHelpers":{"registry.example.com:5000":"oauthd"}}`, "{}"},
		{"other members", "{\n\t\"auths\": { \"x\": {} },\n\t\"n\": 1e400\n}\n",
			"{\n\t\"auths\": { \"x\": {} },\n\t\"n\": 1e400\n,\"credHelpers\":{\"registry.example.com:5000\":\"oauthd\"}}\n", ""},
		{"made already", `{"credHelpers":{"registry.example.com:5000":"oauthd","b":"pass"}}`,
			`{"credHelpers":{"registry.example.com:5000":"oauthd","b":"pass"}}`, `{"credHelpers":{"b":"pass"}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(home(t), "config.json")
			if test.before != "" {
				write(t, file, test.before)
			}
			step := &Member{File: file, Path: path, Value: "oauthd"}
			for range 2 {
				if err := step.Make(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := read(t, file); strings.TrimSpace(got) != strings.TrimSpace(test.made) {
					t.Errorf("made: got %q, want %q", got, test.made)
				}
			}
			if err := step.Unmake(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSpace(read(t, file)); test.unmade != "" && got != test.unmade || strings.Contains(got, "oauthd") {
				t.Errorf("unmade: got %q, want %q", got, test.unmade)
			}
		})
	}
}

func TestMemberThatIsAnothers(t *testing.T) {
	file := filepath.Join(home(t), "config.json")
	for text, want := range map[string]string{
		`{"credHelpers":{"a":"pass"}}`:  `already "pass"`,
		`{"credHelpers":{"a":null}}`:    "already null",
		`[1]`:                           "not a JSON object",
		`{"a":`:                         "not a JSON object",
		strings.Repeat(" ", mostFile+1): "more than",
	} {
		write(t, file, text)
		step := &Member{File: file, Path: []string{"credHelpers", "a"}, Value: "oauthd"}
		if err := step.Make(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: got %v, want %q", text, err, want)
		}
		if got := read(t, file); got != text {
			t.Errorf("%.40s: got %.80q, want it as it was", text, got)
		}
	}
}

// A file behind a link, as of dotfiles in a repository, is changed where it is, and its mode stays.
func TestFileBehindALink(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a right there")
	}
	dir := home(t)
	target, link := filepath.Join(dir, "dotfiles-rc"), filepath.Join(dir, "rc")
	write(t, target, "a\n")
	if err := errors.Join(os.Chmod(target, 0o644), os.Symlink(target, link)); err != nil {
		t.Fatal(err)
	}
	if err := (&Block{File: link, Body: "b\n"}).Make(t.Context()); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(target)
	if err != nil || info.Mode() != 0o644 || read(t, target) != "a\nb\n" {
		t.Errorf("got %v, %q, %v", info, read(t, target), err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != os.ModeSymlink {
		t.Errorf("the link: got %v, %v, want it to be one still", info, err)
	}
}

func TestCommand(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the commands are a shell's")
	}
	file := filepath.Join(home(t), "made")
	step := &Command{Made: []string{"test", "-e", file}, Change: []string{"touch", file}, Undo: []string{"rm", file}}
	for _, do := range []func(context.Context) error{step.Make, step.Make, step.Unmake, step.Unmake} {
		if err := do(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	absent := &Command{Made: []string{"no-such-program"}, Change: []string{"no-such-program", "it's"}}
	var e *api.Error
	if err := absent.Make(t.Context()); !errors.As(err, &e) || !strings.Contains(e.Hint, `no-such-program 'it'\''s'`) {
		t.Errorf("got %v, want the command to run by hand", err)
	}
	refused := &Command{Made: []string{"false"}, Change: []string{"sh", "-c", "echo no room >&2; exit 3"}}
	if err := refused.Make(t.Context()); err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("got %v, want what the program said", err)
	}
}
