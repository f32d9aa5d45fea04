//go:build !windows

package redirect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"testing"
)

// machine is a listenFunc of a machine that lacks families or has ports taken.
type machine struct {
	lacks map[string]syscall.Errno // by network
	taken int                      // how many tcp6 listens find the port taken
	open  []net.Listener
}

func (m *machine) listen(_ context.Context, network, address string) (net.Listener, error) {
	if errno, ok := m.lacks[network]; ok {
		return nil, &net.OpError{Op: "listen", Net: network, Err: errno}
	}
	if network == "tcp6" && m.taken > 0 {
		m.taken--
		return nil, &net.OpError{Op: "listen", Net: network, Err: syscall.EADDRINUSE}
	}
	_, port, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(port)
	if n == 0 {
		n = 40000 + len(m.open)
	}
	l := &fakeListener{addr: &net.TCPAddr{Port: n}}
	m.open = append(m.open, l)
	return l, nil
}

type fakeListener struct {
	net.Listener
	addr   net.Addr
	closed bool
}

func (l *fakeListener) Addr() net.Addr { return l.addr }
func (l *fakeListener) Close() error   { l.closed = true; return nil }

func TestFamilies(t *testing.T) {
	none := map[string]syscall.Errno{"tcp4": syscall.EADDRNOTAVAIL, "tcp6": syscall.EAFNOSUPPORT}
	tests := []struct {
		name    string
		machine machine
		want    int // listeners
		err     error
	}{
		{name: "both", want: 2},
		{name: "no ::1", machine: machine{lacks: map[string]syscall.Errno{"tcp6": syscall.EADDRNOTAVAIL}}, want: 1},
		{name: "no IPv6", machine: machine{lacks: map[string]syscall.Errno{"tcp6": syscall.EAFNOSUPPORT}}, want: 1},
		{name: "no IPv6 at all", machine: machine{lacks: map[string]syscall.Errno{"tcp6": syscall.EPROTONOSUPPORT}}, want: 1},
		{name: "no IPv4", machine: machine{lacks: map[string]syscall.Errno{"tcp4": syscall.EADDRNOTAVAIL}}, want: 1},
		{name: "neither", machine: machine{lacks: none}, err: syscall.EAFNOSUPPORT},
		{name: "port taken on ::1 three times", machine: machine{taken: 3}, want: 2},
		{name: "every port taken", machine: machine{taken: pickTries}, err: ErrPortUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			listeners, port, err := listenLoopback(t.Context(), "localhost", nil, tt.machine.listen)
			if !errors.Is(err, tt.err) || len(listeners) != tt.want {
				t.Fatalf("got %d listeners and %v, want %d and %v", len(listeners), err, tt.want, tt.err)
			}
			for _, l := range listeners {
				if got := l.Addr().(*net.TCPAddr).Port; got != port {
					t.Errorf("a listener has port %d, another %d", got, port)
				}
			}
			closed := 0
			for _, l := range tt.machine.open {
				if l.(*fakeListener).closed {
					closed++
				}
			}
			if want := len(tt.machine.open) - len(listeners); closed != want {
				t.Errorf("closed %d listeners that are not used, want %d", closed, want)
			}
		})
	}
}

func TestPortNumbers(t *testing.T) {
	for _, port := range []int{1, 65535} {
		var m machine
		if _, got, err := listenLoopback(t.Context(), "127.0.0.1", []int{port}, m.listen); err != nil || got != port {
			t.Errorf("port %d: got %d and %v", port, got, err)
		}
	}
	for _, port := range []int{-1, 0, 65536} {
		var m machine
		_, _, err := listenLoopback(t.Context(), "127.0.0.1", []int{8080, port}, m.listen)
		if want := fmt.Sprintf("%d is not a port", port); err == nil || err.Error() != want || len(m.open) > 0 {
			t.Errorf("got %v and %d listeners, want %q and none", err, len(m.open), want)
		}
	}
}

func TestPortThatIsNotForThisUser(t *testing.T) {
	m := machine{lacks: map[string]syscall.Errno{"tcp4": syscall.EACCES}}
	_, _, err := listenLoopback(t.Context(), "127.0.0.1", []int{80, 443}, m.listen)
	want := "port 80 is not open to this user; port 443 is not open to this user"
	if !errors.Is(err, ErrPortUnavailable) || err.Error() != want {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestPortTakenByNobodyKnows(t *testing.T) {
	port := free(t)
	want := fmt.Sprintf("port %d is taken", port)
	for name, err := range map[string]error{
		"no detail":  syscall.EADDRINUSE,
		"no address": &net.OpError{Err: syscall.EADDRINUSE},
		"nobody is seen there": &net.OpError{
			Err: syscall.EADDRINUSE, Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port},
		},
	} {
		if got := whyNot(port, err); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
