//go:build !darwin && !windows

package keystore

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

func TestSettleBus(t *testing.T) {
	dir, err := os.MkdirTemp("", "o")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := func(under string) string {
		path := filepath.Join(dir, under)
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
		listener, err := net.Listen("unix", filepath.Join(path, "bus"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = listener.Close() })
		return path
	}
	runtimeDir, spaced, runUser := socket("runtime"), socket("a b"), filepath.Dir(socket("user/7"))
	file := filepath.Join(dir, "file")
	if err := errors.Join(os.Mkdir(file, 0o700), os.WriteFile(filepath.Join(file, "bus"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	others := socket("others") // XDG_RUNTIME_DIR, after su
	if os.Getuid() == 0 {
		if err := os.Lchown(filepath.Join(others, "bus"), 65534, 65534); err != nil {
			t.Fatal(err)
		}
	} else if err := os.Remove(filepath.Join(others, "bus")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(runtimeDir)
	tests := []struct {
		name    string
		env     []string
		runUser string
		want    []string // nil: unavailable
	}{
		{"given", []string{"A=1", busVariable + "=unix:path=/x"}, runUser, []string{"A=1", busVariable + "=unix:path=/x"}},
		{"runtime directory", []string{"XDG_RUNTIME_DIR=" + runtimeDir}, runUser,
			[]string{"XDG_RUNTIME_DIR=" + runtimeDir, busVariable + "=unix:path=" + runtimeDir + "/bus"}},
		{"empty address", []string{busVariable + "=", "XDG_RUNTIME_DIR=" + runtimeDir}, "/none",
			[]string{"XDG_RUNTIME_DIR=" + runtimeDir, busVariable + "=unix:path=" + runtimeDir + "/bus"}},
		{"autolaunch", []string{busVariable + "=autolaunch:"}, runUser, []string{busVariable + "=unix:path=" + runUser + "/7/bus"}},
		{"path to escape", []string{"XDG_RUNTIME_DIR=" + spaced}, "/none",
			[]string{"XDG_RUNTIME_DIR=" + spaced, busVariable + "=unix:path=" + dir + "/a%20b/bus"}},
		{"file, no socket", []string{"XDG_RUNTIME_DIR=" + file}, runUser,
			[]string{"XDG_RUNTIME_DIR=" + file, busVariable + "=unix:path=" + runUser + "/7/bus"}},
		{"another user's runtime directory", []string{"XDG_RUNTIME_DIR=" + others}, runUser,
			[]string{"XDG_RUNTIME_DIR=" + others, busVariable + "=unix:path=" + runUser + "/7/bus"}},
		{"relative runtime directory", []string{"XDG_RUNTIME_DIR=."}, "/none", nil}, // with a socket in it
		{"nothing", nil, "/none", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := settleBus(test.env, test.runUser, 7)
			if !slices.Equal(got, test.want) || errors.Is(err, ErrUnavailable) != (test.want == nil) {
				t.Errorf("got %q, error %v, want %q", got, err, test.want)
			}
		})
	}
}

func TestClassifyBusErrors(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want error
	}{
		{"value", dbus.Error{Name: "org.freedesktop.Secret.Error.IsLocked"}, ErrLocked},
		{"pointer", dbus.NewError("org.freedesktop.Secret.Error.IsLocked", nil), ErrLocked},
		{"no service", dbus.Error{Name: "org.freedesktop.DBus.Error.ServiceUnknown"}, ErrNoService},
		{"other", dbus.Error{Name: "com.example.Odd", Body: []any{"hunter2"}}, ErrUnavailable},
	}
	for _, test := range tests {
		got := classify(test.err)
		if !errors.Is(got, test.want) || test.want == ErrUnavailable && errors.Is(got, ErrNoService) {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
		if text := fmt.Sprint(got); strings.Contains(text, "hunter2") || test.name == "other" && !strings.Contains(text, "com.example.Odd") {
			t.Errorf("%s: got %v, want the error's name without its text", test.name, got)
		}
	}
}
