package redirect

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

func TestMachinesThatLackAFamily(t *testing.T) {
	require(t, os.Getuid() == 0, "root")
	_, err := exec.LookPath("ip")
	require(t, err == nil, "ip")
	for _, tt := range []struct{ name, commands, want string }{
		{"both", "link set lo up", "127.0.0.1 303\n[::1] 303\n"},
		{"IPv4 only", "link set lo up; addr del ::1/128 dev lo", "127.0.0.1 303\n[::1] unreachable\n"},
		{"IPv6 only", "link set lo up; addr del 127.0.0.1/8 dev lo", "127.0.0.1 unreachable\n[::1] 303\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
			cmd.Env = []string{childFamily + "=" + tt.commands, "GORACE=atexit_sleep_ms=10", "PATH=" + os.Getenv("PATH")}
			cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET}
			out, err := cmd.Output()
			require(t, !errors.Is(err, syscall.EPERM), "a network namespace")
			if err != nil || string(out) != tt.want {
				t.Errorf("got %q and %v, want %q", out, err, tt.want)
			}
		})
	}
}
