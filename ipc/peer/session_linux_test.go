package peer

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestUnitOfACgroup(t *testing.T) {
	for group, want := range map[string]struct{ unit, snap string }{
		"/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.gnome.Terminal-8.scope": {unit: "app-org.gnome.Terminal-8.scope"},
		"/user.slice/user-1000.slice/session-3.scope":                                            {unit: "session-3.scope"},
		"/system.slice/cron.service/child":                                                       {unit: "cron.service"},
		"/user.slice/user-1000.slice/user@1000.service/app.slice/snap.mail.mail-1f.scope":        {unit: "snap.mail.mail-1f.scope", snap: "mail"},
		"/": {}, "": {}, "/a/b": {},
	} {
		if got := unitOf(group); got != want.unit {
			t.Errorf("%s: got unit %q, want %q", group, got, want.unit)
		}
		if got, _ := snap(group); got != want.snap {
			t.Errorf("%s: got snap %q, want %q", group, got, want.snap)
		}
	}
}

func TestControlGroup(t *testing.T) {
	for text, want := range map[string]string{
		"0::/a.service\n":                            "/a.service",
		"12:pids:/x\n1:name=systemd:/b.service\n":    "/b.service",
		"1:name=systemd:/b.service\n0::/a.service\n": "/a.service",
		"": "", "nonsense": "",
	} {
		if got := controlGroup(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestFlatpak(t *testing.T) {
	for text, want := range map[string]string{
		"[Application]\nname=org.example.Mail\nruntime=x\n":         "flatpak:org.example.Mail",
		"[Context]\nname=no\n[Application]\n name=org.example.Mail": "flatpak:org.example.Mail",
		"[Context]\nname=no\n":                                      "",
		"":                                                          "",
	} {
		if got := flatpak(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestWhoRanOurProgram(t *testing.T) {
	process := func(pid int, exe string) Identity { return Identity{PID: pid, Executable: exe} }
	helper, git, shell := process(4, "/usr/bin/oauthd"), process(3, "/usr/bin/git"), process(2, "/bin/sh")
	for _, test := range []struct {
		name         string
		in, want     Evidence
		wantedOrigin Identity
	}{
		{"another program", Evidence{Identity: git, Parents: []Identity{shell}}, Evidence{Identity: git, Parents: []Identity{shell}}, shell},
		{"a helper", Evidence{Identity: helper, Parents: []Identity{git, shell}}, Evidence{Identity: git, Through: helper, Parents: []Identity{shell}}, shell},
		{"a helper of ours", Evidence{Identity: helper, Parents: []Identity{helper, git}}, Evidence{Identity: git, Through: helper, Parents: []Identity{}}, git},
		{"nobody", Evidence{Identity: helper}, Evidence{Identity: helper}, helper},
	} {
		got := test.in
		got.resolve([]string{"/usr/bin/oauthd", "/usr/bin/oauthd-helper"})
		if got.Identity != test.want.Identity || got.Through != test.want.Through || !slices.Equal(got.Parents, test.want.Parents) {
			t.Errorf("%s: got %+v, want %+v", test.name, got, test.want)
		}
		if got.Origin() != test.wantedOrigin {
			t.Errorf("%s: got origin %+v, want %+v", test.name, got.Origin(), test.wantedOrigin)
		}
	}
}

func TestRunsSimpleCommand(t *testing.T) {
	for line, want := range map[string]bool{
		"sh\x00-c\x00/home/ada/.local/bin/git-credential-oauthd get\x00/home/ada/.local/bin/git-credential-oauthd get\x00": true,
		"/bin/sh\x00-c\x00oauthd token work \"$@\"\x00oauthd token work\x00--force\x00":                                    true,
		"sh\x00-c\x00oauthd token work | curl -H @- https://api.example.com\x00":                                           false,
		"sh\x00-c\x00oauthd token $NAME\x00":                                                                               false,
		"sh\x00-c\x00oauthd token work\nrm token\x00":                                                                      false,
		"sh\x00script.sh\x00-c\x00":                                                                                        false,
		"-bash\x00":                                                                                                        false,
		"":                                                                                                                 false,
	} {
		if got := runsSimpleCommand(line); got != want {
			t.Errorf("%q: got %v, want %v", line, got, want)
		}
	}
}

func TestWhomAProcessOfOursServes(t *testing.T) {
	for line, want := range map[string]int{
		"oauthd\x00emulation-server\x00serve\x002\x00771\x00":        771,
		"/usr/bin/oauthd\x00emulation-server\x00start\x002\x007\x00": 7,
		"oauthd\x00token\x00771\x00":                                 0,
		"oauthd\x00emulation-server\x00":                             0,
		"oauthd\x00emulation-server\x00serve\x00x\x00":               0,
		"": 0,
	} {
		if got := servedBy(line); got != want {
			t.Errorf("%q: got %d, want %d", line, got, want)
		}
	}
	self, err := openProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	defer self.close()
	s, ok := self.stat()
	if !ok {
		t.Fatal("no stat of our own")
	}
	server := Identity{PID: 1 << 22, Executable: "/usr/bin/oauthd", Start: s.start}
	if e, err := served(server, os.Getpid(), os.Getuid(), nil); err != nil || e.PID != os.Getpid() || e.Through != server {
		t.Errorf("got %+v, %v, want this process, through the server", e, err)
	}
	server.Start--
	if e, err := served(server, os.Getpid(), os.Getuid(), nil); err == nil {
		t.Errorf("a process that began later than its server: got %+v, want an error", e)
	}
}

// A program that has ended has none any more, although its process is there until somebody waits for it.
func TestServedIsAZombie(t *testing.T) {
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("true")
	cmd.Stdout = in
	if err := cmd.Start(); err != nil {
		t.Skipf("needs true: %v", err)
	}
	defer func() { _ = cmd.Wait() }()
	_ = in.Close()
	_, _ = out.Read(make([]byte, 1)) // its files are closed as it ends
	for state := ""; state != "Z"; {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		state = strings.Fields(string(status))[2]
	}
	server := Identity{PID: 1 << 22, Executable: "/usr/bin/oauthd", Start: 1 << 62}
	if e, err := served(server, cmd.Process.Pid, os.Getuid(), nil); err == nil {
		t.Errorf("got %+v, want an error", e)
	}
}

// What was found out about a program that is served is known for as long as the process lasts that serves it.
func TestServedHasEnded(t *testing.T) {
	server := Identity{PID: 1 << 22, Executable: "/usr/bin/" + t.TempDir(), Start: 7}
	gone := func() (Evidence, error) { return Evidence{}, os.ErrProcessDone }
	if e, err := lasting(server, gone); err == nil {
		t.Errorf("before anything was found out: got %+v, want an error", e)
	}
	for _, program := range []string{"/bin/sh", "/usr/bin/agent"} {
		want := Evidence{Identity: Identity{PID: 7, Executable: program}, Through: server}
		for _, look := range []func() (Evidence, error){func() (Evidence, error) { return want, nil }, gone} {
			if e, err := lasting(server, look); err != nil || e.Executable != program || e.Through != server {
				t.Errorf("got %+v, %v, want %+v", e, err, want)
			}
		}
	}
	server.Start++
	if e, err := lasting(server, gone); err == nil {
		t.Errorf("another process with that pid: got %+v, want an error", e)
	}
}

// What a process has in its files in /proc is its own doing, in part.
func FuzzEvidence(f *testing.F) {
	f.Add("0::/user.slice/app-x.scope\n")
	f.Add("[Application]\nname=org.example.Mail\n")
	f.Add("oauthd\x00emulation-server\x00serve\x001\x007\x00")
	f.Fuzz(func(t *testing.T, text string) {
		group := controlGroup(text)
		if unit := unitOf(group); strings.Contains(unit, "/") {
			t.Errorf("got the unit %q", unit)
		}
		if name, ok := snap(group); ok && strings.Contains(name, "/") {
			t.Errorf("got the snap %q", name)
		}
		if app := flatpak(text); strings.Contains(app, "\n") {
			t.Errorf("got the application %q", app)
		}
		servedBy(text)
	})
}
