//go:build linux || darwin

package files_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

// child is a process that ends when it is told to.
type child struct {
	cmd *exec.Cmd
	end func()
}

func newChild(t *testing.T) *child {
	t.Helper()
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("needs cat: %v", err)
	}
	c := &child{cmd: cmd}
	c.end = func() { _ = in.Close(); _ = cmd.Wait() }
	t.Cleanup(c.end)
	return c
}

// addFor maintains a file of a child's.
func (r *rig) addFor(c *child) api.File {
	r.t.Helper()
	ctx := account.WithCaller(r.t.Context(), account.Caller{UID: os.Geteuid(), PID: c.cmd.Process.Pid})
	f, err := r.k.Add(ctx, api.FileRequest{Account: "work"})
	if err != nil {
		r.t.Fatal(err)
	}
	return f
}

func TestAFileGoesWithItsProcess(t *testing.T) {
	r := newRig(t)
	first, second := newChild(t), newChild(t)
	one, two := r.addFor(first), r.addFor(second)
	first.end()
	until(t, "the first file is gone", func() bool { return read(t, one.Path) == "" })
	if got := read(t, two.Path); got == "" {
		t.Error("the second file is gone too")
	}
	r.mint()
	until(t, "the second file is up to date", func() bool { return read(t, two.Path) == "at-0000000002" })
	second.end()
	until(t, "the second file is gone", func() bool { return read(t, two.Path) == "" })
	until(t, "nothing is listed", func() bool { all, err := r.k.List(t.Context()); return len(all) == 0 && err == nil })
	r.stop()
	r.nothingLeft()
}

func TestAProcessThatHasEndedGetsNoFile(t *testing.T) {
	r := newRig(t)
	gone := newChild(t)
	gone.end()
	ctx := account.WithCaller(t.Context(), account.Caller{PID: gone.cmd.Process.Pid})
	if f, err := r.k.Add(ctx, api.FileRequest{Account: "work"}); err == nil {
		t.Errorf("got %+v, want an error", f)
	}
	r.nothingLeft()
}

// TestTheNextDaemonGoesOn leaves a keeper as if it had been killed, and starts another over what it has left.
func TestTheNextDaemonGoesOn(t *testing.T) {
	r := newRig(t)
	r.mustAdd("token", func(q *api.FileRequest) { q.Template = "x {{token}}" })
	if err := os.WriteFile(r.path("changed"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.mustAdd("changed", func(q *api.FileRequest) { q.Replace = true })
	lives, ends := newChild(t), newChild(t)
	living, ending := r.addFor(lives), r.addFor(ends)
	record, err := os.ReadFile(filepath.Join(r.dir, "record"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(record), "at-") {
		t.Error("the record holds a token")
	}
	left := map[string]string{}
	for _, path := range []string{r.path("token"), living.Path, ending.Path} {
		left[path] = read(t, path)
	}
	r.stop()
	r.want("token", "")
	r.want("changed", "")
	for _, path := range []string{living.Path, ending.Path} {
		if got := read(t, path); got != "at-0000000001" {
			t.Errorf("got %q, want the file of a process that runs to stay", got)
		}
	}
	// What a killed daemon leaves, with one file that a person changed since.
	for path, text := range left {
		write(t, path, text)
	}
	write(t, filepath.Join(r.dir, "record"), string(record))
	write(t, r.path("changed"), "a person's")
	ends.end()
	r.mint()
	r.stop = nil
	r.start()
	until(t, "the files are up to date", func() bool {
		return read(t, r.path("token")) == "x at-0000000002" && read(t, living.Path) == "at-0000000002"
	})
	until(t, "the change is noticed", func() bool { return r.listed("changed").LastError != nil })
	r.want("changed", "a person's")
	if got := read(t, ending.Path); got != "" {
		t.Errorf("the file of a process that has ended is still there")
	}
	all, err := r.k.List(t.Context())
	if err != nil || len(all) != 3 {
		t.Errorf("got %d files, %v, want three", len(all), err)
	}
	lives.end()
	until(t, "the file goes with its process", func() bool { return read(t, living.Path) == "" })
	if err := os.Remove(r.path("changed")); err != nil {
		t.Fatal(err)
	}
	r.stop()
	r.nothingLeft()
}

// TestADaemonThatWasKilledBeforeTheRename leaves the record of a token, and the file with the one before.
func TestADaemonThatWasKilledBeforeTheRename(t *testing.T) {
	r := newRig(t)
	r.mustAdd("token", nil)
	r.mint()
	until(t, "the second token is there", func() bool { return read(t, r.path("token")) == "at-0000000002" })
	record := read(t, filepath.Join(r.dir, "record"))
	r.stop()
	write(t, filepath.Join(r.dir, "record"), record)
	write(t, r.path("token"), "at-0000000001")
	r.stop = nil
	r.start()
	until(t, "the second token is there again", func() bool { return read(t, r.path("token")) == "at-0000000002" })
	r.stop()
	r.nothingLeft()
}

// TestAFileThatCannotBeWritten is refused, and the next daemon does not go on with it.
func TestAFileThatCannotBeWritten(t *testing.T) {
	r := newRig(t)
	r.mustAdd("token", nil)
	home := r.home
	if os.Geteuid() == 0 {
		r.home = "/proc" // modes do not hold root up
	} else if err := os.Chmod(home, 0o500); err != nil {
		t.Fatal(err)
	}
	_, err := r.add("oauthd-token", nil)
	r.home = home
	if err := errors.Join(os.Chmod(home, 0o700), err); err == nil || !strings.Contains(err.Error(), "cannot be written") {
		t.Errorf("got %v, want that it cannot be written", err)
	}
	if record := read(t, filepath.Join(r.dir, "record")); !strings.Contains(record, r.path("token")) || strings.Contains(record, "oauthd-token") {
		t.Errorf("got the record %s, want it with the first file alone", record)
	}
	if all, err := r.k.List(t.Context()); len(all) != 1 || err != nil {
		t.Errorf("got %d files, %v, want one", len(all), err)
	}
}

// TestAnotherProcessWithTheSamePID has a record name a process that has ended, and whose pid another one has now.
func TestAnotherProcessWithTheSamePID(t *testing.T) {
	r := newRig(t)
	c := newChild(t)
	f := r.addFor(c)
	var record []map[string]any
	data, err := os.ReadFile(filepath.Join(r.dir, "record"))
	if err != nil || json.Unmarshal(data, &record) != nil || len(record) != 1 {
		t.Fatalf("the record cannot be read: %v", err)
	}
	r.stop()
	record[0]["start"] = fmt.Sprint(record[0]["start"], "1")
	if data, err = json.Marshal(record); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(r.dir, "record"), string(data))
	if read(t, f.Path) == "" {
		t.Error("the file is not there")
	}
	r.stop = nil
	r.start()
	if all, err := r.k.List(t.Context()); len(all) != 0 || err != nil {
		t.Errorf("got %+v, %v, want no file", all, err)
	}
	r.nothingLeft()
}

// TestADamagedRecord starts over records of all kinds.
func TestADamagedRecord(t *testing.T) {
	for _, text := range []string{
		"", "{}", "[", `[{"path":"token"}]`, `[{"path":"/x/token","request":{"account":"../x"}}]`,
		`[{"path":"/x/token","request":{"account":"work","format":"yaml"}}]`, "[" + strings.Repeat(`{},`, 300) + "{}]",
	} {
		r := newRig(t)
		r.stop()
		write(t, filepath.Join(r.dir, "record"), text)
		r.stop = nil
		r.start()
		if all, err := r.k.List(t.Context()); len(all) != 0 || err != nil {
			t.Errorf("%.40q: got %+v, %v, want no file", text, all, err)
		}
		r.mustAdd("token", nil)
		r.stop()
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestCommandsDoNotPileUp changes a file again and again while its command runs.
func TestCommandsDoNotPileUp(t *testing.T) {
	r := newRig(t)
	count, gate := r.path("count"), r.path("gate")
	f := r.mustAdd("token", func(q *api.FileRequest) {
		q.OnChange = fmt.Sprintf("echo run >>%s; until test -e %s; do sleep 0.01; done", count, gate)
	})
	runs := func() int { return strings.Count(read(t, count), "run") }
	until(t, "the command runs", func() bool { return runs() == 1 })
	for range 5 {
		r.mint()
		want := r.latest().AccessToken
		until(t, "the file is up to date although the command runs", func() bool { return read(t, f.Path) == want })
	}
	write(t, gate, "")
	until(t, "the command has run once more", func() bool { return runs() == 2 })
	if err := os.Remove(gate); err != nil {
		t.Fatal(err)
	}
	r.mint()
	until(t, "the command runs again", func() bool { return runs() == 3 })
	r.stop() // which ends the command
	for _, path := range []string{count, gate} {
		_ = os.Remove(path)
	}
	r.nothingLeft()
}

// TestWhatACommandSaysShowsNoToken has commands write parts of the token in ways that a filter may miss.
func TestWhatACommandSaysShowsNoToken(t *testing.T) {
	r := newRig(t)
	const hidden = "exit status 4: what it wrote is not shown, because the token is in it"
	for command, want := range map[string]string{
		`cat "$OAUTHD_FILE"; exit 4`:                    hidden,
		`cut -c2- "$OAUTHD_FILE"; exit 4`:               hidden,
		`printf '%0190d' 0; cat "$OAUTHD_FILE"; exit 4`: hidden, // of which the end is cut off
		`echo all is well; exit 4`:                      "exit status 4: all is well",
		`exit 4`:                                        "exit status 4",
	} {
		r.mustAdd("token", func(q *api.FileRequest) { q.OnChange = command })
		until(t, command, func() bool { return r.listed("token").OnChangeError != "" })
		if got := r.listed("token").OnChangeError; got != want {
			t.Errorf("%s: got %q, want %q", command, got, want)
		}
		if _, err := r.k.End(context.Background(), r.path("token")); err != nil {
			t.Fatal(err)
		}
	}
}
