package units

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

var (
	sample = Program{
		Path: `/opt/a b 100% c/oauthd`, Environ: []string{"HTTPS_PROXY=http://proxy.example.com:3128/?a&b%"},
		Log: "/home/ada/.local/state/oauthd/daemon.log", User: `EXAMPLE\ada`, UID: "501",
	}
	places = Places{Config: "/home/ada/.config", Home: "/home/ada", State: "/home/ada/.local/state/oauthd"}
)

func TestFilesAreAsReviewed(t *testing.T) {
	both := sample
	both.OIDCAgent = true
	for i, m := range []Manager{Systemd(sample, places), Launchd(sample, places), Task(sample, places), Autostart(sample, places), Systemd(both, places)} {
		for _, f := range m.Files {
			golden := filepath.Join("testdata", filepath.Base(f.Path)+".golden")
			if i == 4 {
				golden = filepath.Join("testdata", "two-sockets", filepath.Base(f.Path)+".golden")
			}
			if *update {
				if err := os.WriteFile(golden, []byte(f.Text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if f.Text != string(want) {
				t.Errorf("%s is not as in %s: look at it, then run this test with -update", f.Path, golden)
			}
		}
	}
}

// TestSystemdReadsTheUnits has systemd itself read them. It exits with 0 for an unknown key, but says so.
func TestSystemdReadsTheUnits(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("OAUTHD_TEST_REQUIRE") != "" {
			t.Fatal("needs systemd-analyze")
		}
		t.Skip("needs systemd-analyze")
	}
	dir := t.TempDir()
	program := filepath.Join(dir, `a b 100% c`, "oauthd")
	if err := errors.Join(os.Mkdir(filepath.Dir(program), 0o700), os.WriteFile(program, []byte("#!/bin/sh\n"), 0o700)); err != nil {
		t.Fatal(err)
	}
	args := []string{"--user", "verify"}
	for _, f := range Systemd(Program{Path: program, Environ: sample.Environ, OIDCAgent: true}, Places{Config: dir}).Files {
		if err := f.Write(); err != nil {
			t.Fatal(err)
		}
		args = append(args, f.Path)
	}
	cmd := exec.Command(analyze, args...)
	cmd.Env = []string{"HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "XDG_RUNTIME_DIR=" + dir, "PATH=/usr/bin:/bin"}
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

func TestFilesOfAPersonStay(t *testing.T) {
	old := Program{Path: "/usr/local/bin/oauthd", Log: "/l", User: "u", UID: "1"}
	for _, make := range []func(Program, Places) Manager{Systemd, Launchd, Task, Autostart} {
		dir := t.TempDir()
		at := Places{Config: dir, Home: dir, State: dir}
		before, f := make(old, at).Files[0], make(sample, at).Files[0]
		want := func(when string, state State) {
			t.Helper()
			if got, err := f.State(); got != state || err != nil {
				t.Errorf("%s, %s: got %v, %v, want %v", filepath.Base(f.Path), when, got, err, state)
			}
		}
		want("nothing there", Missing)
		if err := f.Remove(); err != nil {
			t.Errorf("removing nothing: %v", err)
		}
		if err := f.Write(); err != nil {
			t.Fatal(err)
		}
		want("written", Current)
		if len(make(old, at).Files) == 1 || filepath.Base(f.Path) == "oauthd.service" { // the socket does not name the program
			if got, _ := before.State(); got != Other {
				t.Errorf("%s: got %v for another program's, want %v", f.Path, got, Other)
			}
		}
		text, err := os.ReadFile(f.Path)
		if err != nil {
			t.Fatal(err)
		}
		for name, edited := range map[string]string{
			"a line more": string(text) + "#\n", "a line less": strings.Replace(string(text), "\n", "", 1), "another's": "[Unit]\n", "nothing in it": "",
		} {
			if err := os.WriteFile(f.Path, []byte(edited), 0o600); err != nil {
				t.Fatal(err)
			}
			want(name, Edited)
			if err := f.Write(); !errors.Is(err, ErrEdited) {
				t.Errorf("%s: Write: got %v, want ErrEdited", name, err)
			}
			if err := f.Remove(); !errors.Is(err, ErrEdited) {
				t.Errorf("%s: Remove: got %v, want ErrEdited", name, err)
			}
			if got, err := os.ReadFile(f.Path); string(got) != edited || err != nil {
				t.Errorf("%s: the file has changed", name)
			}
		}
		if err := errors.Join(os.Remove(f.Path), os.Symlink("/dev/null", f.Path)); err != nil {
			t.Fatal(err)
		}
		want("a link", Edited)
		if err := errors.Join(os.Remove(f.Path), before.Write(), f.Write()); err != nil {
			t.Errorf("in place of an older one: %v", err)
		}
		want("updated", Current)
		if err := f.Remove(); err != nil {
			t.Error(err)
		}
		want("removed", Missing)
	}
}
