package peer

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"testing"
)

// sleeper is the variable in whose presence the test program waits for the end of its standard input.
const sleeper = "OAUTHD_TEST_SLEEPER"

func TestMain(m *testing.M) {
	if os.Getenv(sleeper) != "" {
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	os.Exit(m.Run())
}

func TestProcessEnds(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), sleeper+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p, err := OpenProcess(cmd.Process.Pid)
	if errors.Is(err, errors.ErrUnsupported) {
		_ = in.Close()
		_ = cmd.Wait()
		t.Skip("this system does not say when a process ends")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	other, err := OpenProcess(cmd.Process.Pid)
	if err != nil || other.Start != p.Start || p.Start == "" {
		t.Fatalf("opened again: got start %q, %v, want %q", other.Start, err, p.Start)
	}
	defer other.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if other.Wait(ctx) {
		t.Error("a process that lives counts as ended")
	}
	ended := make(chan bool, 1)
	go func() { ended <- p.Wait(t.Context()) }()
	_ = in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if !<-ended {
		t.Error("the end was not noticed")
	}
	if _, err := OpenProcess(cmd.Process.Pid); !errors.Is(err, ErrGone) {
		t.Errorf("once it is gone: got %v, want %v", err, ErrGone)
	}
}
