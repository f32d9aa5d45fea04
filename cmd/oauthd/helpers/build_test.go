package helpers

import (
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestGoSetting(t *testing.T) {
	const ours = "/opt/oauthd helper goauth"
	for _, test := range []struct{ name, before, made, again string }{
		{"no file", "", "GOAUTH=netrc;" + ours + "\n", "GOAUTH=netrc;" + ours + " --host https://go.example.com\n"},
		{"other settings", "# mine\nGOFLAGS=-x\n", "# mine\nGOAUTH=netrc;" + ours + "\nGOFLAGS=-x\n", "# mine\nGOAUTH=netrc;" + ours + " --host https://go.example.com\nGOFLAGS=-x\n"},
		{"the default, written down", "GOAUTH=netrc\n", "GOAUTH=netrc; " + ours + "\n", "GOAUTH=netrc; " + ours + " --host https://go.example.com\n"},
		{"other commands", "GOAUTH=git /home/ada;netrc\n", "GOAUTH=git /home/ada;netrc; " + ours + "\n", "GOAUTH=git /home/ada;netrc; " + ours + " --host https://go.example.com\n"},
		{"another helper of the same kind", "GOAUTH=/opt/oauthd helper goauthx\n", "GOAUTH=/opt/oauthd helper goauthx; " + ours + "\n", "GOAUTH=/opt/oauthd helper goauthx; " + ours + " --host https://go.example.com\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "env")
			t.Setenv("GOENV", file)
			t.Setenv("GOAUTH", "off") // hides the file, but changes nothing in it
			if test.before != "" {
				write(t, file, test.before)
			}
			for hosts, want := range map[string]string{"": test.made, "go.example.com": test.again} {
				place := Place{Self: "/opt/oauthd"}
				if hosts != "" {
					place.Hosts = []string{hosts}
				}
				for range 2 {
					step := goSteps(t, place)[0]
					if err := step.Make(t.Context()); err != nil {
						t.Fatal(err)
					}
					if got := read(t, file); got != want {
						t.Fatalf("made: got %q, want %q", got, want)
					}
					if text, value := step.Text(), strings.TrimPrefix(want[strings.Index(want, "GOAUTH="):], "GOAUTH="); !strings.HasPrefix(text, "go env -w 'GOAUTH="+value[:strings.Index(value, "\n")]+"'") {
						t.Errorf("got %q as the command, want that of %q", text, want)
					}
				}
			}
			for range 2 {
				if err := goSteps(t, Place{Self: "/opt/oauthd"})[0].Unmake(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := read(t, file); got != test.before {
					t.Errorf("undone: got %q, want %q", got, test.before)
				}
			}
		})
	}
}

func goSteps(t *testing.T, at Place) []Step {
	t.Helper()
	steps, err := goauth().Steps(at)
	if err != nil || len(steps) != 2 {
		t.Fatalf("got %d steps, %v, want the setting, and a warning of the variable", len(steps), err)
	}
	return steps
}

func TestGoSettingThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "env")
	t.Setenv("GOENV", file)
	t.Setenv("GOAUTH", "")
	write(t, file, "GOAUTH=off\n")
	steps, err := goauth().Steps(Place{Self: "/opt/oauthd"})
	if err != nil || len(steps) != 1 {
		t.Fatalf("got %d steps, %v", len(steps), err)
	}
	if err := steps[0].Make(t.Context()); err == nil || !strings.Contains(err.Error(), "GOAUTH is off") {
		t.Errorf("off: got %v", err)
	}
	for self, want := range map[string]string{"/opt/a;b/oauthd": "semicolon", `/opt/"/oauthd`: "quote"} {
		if _, err := goauth().Steps(Place{Self: self}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", self, err, want)
		}
	}
	t.Setenv("PATH", t.TempDir())
	if steps, err := goauth().Steps(Place{Self: "/opt/oauthd"}); err != nil || len(steps) != 1 || !strings.Contains(steps[0].Text(), "no go in PATH") {
		t.Errorf("without go: got %v, %v", steps, err)
	}
}

func TestStepsOfBazelAndTerraform(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a home directory elsewhere")
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("TF_CLI_CONFIG_FILE", "")
	links := filepath.Join(home, "bin")
	place := Place{Self: "/opt/oauthd", Links: links, Hosts: []string{"cache.example.com", "https://*.example.com:8443/x"}}
	for _, test := range []struct {
		helper             Helper
		file, before, want string
	}{
		{bazel(), ".bazelrc", "build --jobs=2", "build --jobs=2\ncommon --credential_helper=cache.example.com=" + links + "/bazel-credential-oauthd\n" +
			"common --credential_helper=*.example.com=" + links + "/bazel-credential-oauthd\n"},
		{terraform(), ".terraformrc", "disable_checkpoint = true\n", "disable_checkpoint = true\ncredentials_helper \"oauthd\" {}\n"},
	} {
		t.Run(test.helper.Name, func(t *testing.T) {
			file := filepath.Join(home, test.file)
			write(t, file, test.before)
			steps, err := test.helper.Steps(place)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				for _, step := range steps {
					if err := step.Make(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if got := read(t, file); got != test.want {
					t.Fatalf("made: got %q, want %q", got, test.want)
				}
			}
			without := place
			without.Hosts = nil
			if steps, err = test.helper.Steps(without); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				for _, step := range steps {
					if err := step.Unmake(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if got := read(t, file); got != strings.TrimSuffix(test.before, "\n")+"\n" {
					t.Errorf("undone: got %q, want what was there", got)
				}
			}
		})
	}
}

// Terraform takes one helper.
func TestAnotherHelperOfTerraformStays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "terraformrc")
	t.Setenv("TF_CLI_CONFIG_FILE", file)
	const before = "credentials_helper \"other\" {\n}\n"
	write(t, file, before)
	steps, err := terraform().Steps(Place{Self: "/opt/oauthd"})
	if err != nil || len(steps) != 2 {
		t.Fatalf("got %d steps, %v", len(steps), err)
	}
	if err := steps[1].Make(t.Context()); err == nil || !strings.Contains(err.Error(), `credentials_helper "other"`) {
		t.Errorf("got %v, want to be told of the other", err)
	}
	if err := steps[1].Unmake(t.Context()); err != nil || read(t, file) != before {
		t.Errorf("got %v, %q, want what was there", err, read(t, file))
	}
}
