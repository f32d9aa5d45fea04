package peer

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestExecutable(t *testing.T) {
	if got := executable(1 << 30); got != "" {
		t.Errorf("no such process: got %q, want nothing", got)
	}
	// A program that was replaced while it runs, as an upgrade does, keeps its name.
	cat, err := exec.LookPath("cat")
	if err != nil {
		t.Skip("needs cat")
	}
	bytes, err := os.ReadFile(cat)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "caller")
	if err := os.WriteFile(program, bytes, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = in.Close()
		_ = cmd.Wait()
	}()
	if _, err := in.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(program); err != nil {
		t.Fatal(err)
	}
	if got := executable(cmd.Process.Pid); got != program {
		t.Errorf("got %q, want %q", got, program)
	}
}
