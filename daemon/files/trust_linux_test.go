package files

import (
	"os"
	"os/exec"
	"testing"
)

func TestSameView(t *testing.T) {
	if !sameView(os.Getpid()) {
		t.Error("got another view of our own, want the same")
	}
	if sameView(1 << 30) {
		t.Error("a process that is not there: got the same view")
	}
	cmd := exec.Command("unshare", "--mount", "cat")
	if os.Geteuid() != 0 {
		cmd = exec.Command("unshare", "--user", "--mount", "cat")
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("needs unshare: %v", err)
	}
	defer func() { _ = in.Close(); _ = cmd.Wait() }()
	if _, err := in.Write([]byte("x")); err != nil {
		t.Skipf("needs a mount namespace: %v", err)
	}
	if n, err := out.Read(make([]byte, 1)); n != 1 || err != nil { // from then on it is cat
		t.Skipf("needs a mount namespace: %v", err)
	}
	if sameView(cmd.Process.Pid) {
		t.Error("a process with mounts of its own: got the same view")
	}
}
