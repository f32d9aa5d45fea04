package main

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

const (
	metadataURL = "http://$GCE_METADATA_HOST/computeMetadata/v1/instance/service-accounts/default/"
	// getMetadata is what a shell says to get one of the values below.
	getMetadata = `curl -sS -H "Metadata-Flavor: Google" ` + metadataURL
)

// servesNothing checks that soon nothing of an emulation is left: no server at address, no directory, no lock.
func (s *seat) servesNothing(t *testing.T, address string) {
	t.Helper()
	if !poll(func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	}) {
		t.Fatalf("there still is a server at %s", address)
	}
	var left []string
	if !poll(func() bool {
		left, _ = filepath.Glob(filepath.Join(s.runtimeDir(t), "oauthd", "emulate", "*"))
		return len(left) == 0
	}) {
		t.Errorf("%q are left", left)
	}
}

// TestEmulationGoesWithTheProgram ends programs in every way, and looks for what they leave.
func TestEmulationGoesWithTheProgram(t *testing.T) {
	needProgram(t, "curl")
	s := withAccount(t)
	for end, want := range map[string]int{"exit 0": 0, "exit 3": 3, "kill -TERM $$": -1, "kill -KILL $$": -1, "exec sleep 0": 0} {
		exit, stdout, stderr := s.run(t, "", "oauthd", "exec", "--google", "work", "--", "sh", "-c",
			`echo $GCE_METADATA_HOST; touch "$CLOUDSDK_CONFIG/file"; mkdir "$CLOUDSDK_CONFIG/dir"; `+getMetadata+`token; `+end)
		address, answer, _ := strings.Cut(stdout, "\n")
		if exit != want || !regexp.MustCompile(`^\{"access_token":"at-[A-Z2-7]+","expires_in":3\d\d\d,"token_type":"Bearer"\}\n$`).MatchString(answer) {
			t.Fatalf("%s: got exit status %d, %d bytes, %s, want %d and a token", end, exit, len(answer), stderr, want)
		}
		began := time.Now()
		s.servesNothing(t, address)
		t.Logf("%s: all was gone within %v", end, time.Since(began).Round(time.Millisecond))
	}
}

// TestEmulationLeavesTheProgramAlone compares a program below exec with and without an emulation.
func TestEmulationLeavesTheProgramAlone(t *testing.T) {
	s := withAccount(t)
	s.write(t, "look", `read -r stat </proc/$$/stat; set -- $stat; [ $5 = $$ ] && echo leads a group; [ $6 = $$ ] && echo leads a session
		ulimit -a; pwd; exec grep -E '^(SigBlk|SigIgn|Umask)' /proc/self/status`)
	numbers := regexp.MustCompile(`(?m)^.* (\d+ -> [a-z/]*).*$|^total .*$`)
	for _, argv := range [][]string{{"sh", "look"}, {"ls", "-l", "/proc/self/fd"}} {
		var got [2]string
		// A busy test process was seen to start a program, by either way, with its signals blocked; exec leaves that as it is.
		for tries := 0; tries == 0 || got[0] != got[1] && tries < 3; tries++ {
			for i, how := range [][]string{{"-e", "TOKEN=work"}, {"--google", "work"}} {
				exit, stdout, stderr := s.run(t, "", slices.Concat([]string{"oauthd", "exec"}, how, []string{"--"}, argv)...)
				if exit != 0 || stderr != "" {
					t.Fatalf("%q: got exit status %d, %s", how, exit, stderr)
				}
				got[i] = numbers.ReplaceAllString(stdout, "$1")
			}
		}
		if got[0] != got[1] {
			t.Errorf("%s without:\n%s\nwith:\n%s", argv[0], got[0], got[1])
		}
	}
}

// TestEmulationIsNoChildOfTheProgram has a program that waits for all its children.
func TestEmulationIsNoChildOfTheProgram(t *testing.T) {
	needProgram(t, "python3")
	s := withAccount(t)
	exit, stdout, stderr := s.run(t, "", "oauthd", "exec", "--google", "work", "--", "python3", "-c", "import os\ntry: print(os.wait())\nexcept ChildProcessError: print('none')")
	if exit != 0 || stdout != "none\n" {
		t.Errorf("got exit status %d, %q, %s, want no child", exit, stdout, stderr)
	}
}

func TestEmulatedProgramHasTheTerminal(t *testing.T) {
	needProgram(t, "curl")
	s := withAccount(t)
	p := s.start(t, pty.Winsize{Rows: 31, Cols: 97}, "", "exec", "--google", "work", "--", "sh", "-c",
		`trap 'echo caught $((n = n + 1))' INT; stty size; read line; echo "read $line"; echo wait; until read line; do :; done; `+getMetadata+`email; exit 9`)
	p.await(t, "31 97")
	p.press(t, "words"+enter)
	p.await(t, "read words", "wait")
	p.press(t, ctrlC)
	p.await(t, "caught 1")
	p.press(t, enter) // the server outlives Ctrl-C
	p.await(t, "work")
	p.wantExit(t, 9)
}

// TestOtherUsersGetNothing has another user ask, who knows the address.
func TestOtherUsersGetNothing(t *testing.T) {
	needProgram(t, "curl")
	needProgram(t, "setpriv")
	if os.Getuid() != 0 {
		t.Skip("needs root, to be somebody else")
	}
	s := withAccount(t)
	exit, stdout, stderr := s.run(t, "", "oauthd", "exec", "--google", "work", "--", "sh", "-c",
		`cd /; setpriv --reuid 65534 --clear-groups `+getMetadata+`token`)
	if exit != 0 || stdout != "this server is for programs of another user\n" {
		t.Errorf("got exit status %d, %d bytes, %s, want a refusal", exit, len(stdout), stderr)
	}
}
