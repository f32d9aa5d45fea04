package redirect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strconv"
	"strings"
)

// ErrPortUnavailable means that none of the wanted ports is free on every address that the redirect URI stands for.
var ErrPortUnavailable = errors.New("port unavailable")

// pickTries bounds the search for a port that is free in both families.
const pickTries = 20

// address is one loopback address to listen on.
type address struct{ network, ip string }

var (
	ipv4 = address{"tcp4", "127.0.0.1"}
	ipv6 = address{"tcp6", "::1"}
)

// listenFunc opens one listener; tests replace it with machines that lack a family or have ports taken.
type listenFunc func(ctx context.Context, network, address string) (net.Listener, error)

func listenTCP(ctx context.Context, network, address string) (net.Listener, error) {
	var config net.ListenConfig
	// So that each connection is an ordinary row of /proc/net/tcp.
	config.SetMultipathTCP(false)
	return config.Listen(ctx, network, address)
}

// listenLoopback opens one listener per address family of host, all on one port, and returns that port.
func listenLoopback(ctx context.Context, host string, ports []int, listen listenFunc) ([]net.Listener, int, error) {
	var addresses []address
	switch host {
	case "127.0.0.1":
		addresses = []address{ipv4}
	case "[::1]":
		addresses = []address{ipv6}
	case "localhost":
		addresses = []address{ipv4, ipv6}
	default:
		return nil, 0, fmt.Errorf("%q is not a loopback host", host)
	}
	if len(ports) == 0 {
		for range pickTries {
			listeners, port, err := listenAll(ctx, addresses, 0, listen)
			if !isPortTaken(err) {
				return listeners, port, err
			}
		}
		return nil, 0, fmt.Errorf("%w: no port is free on both 127.0.0.1 and [::1]", ErrPortUnavailable)
	}
	for _, port := range ports {
		if port < 1 || port > 65535 {
			return nil, 0, fmt.Errorf("%d is not a port", port)
		}
	}
	var taken portsError
	for _, port := range ports {
		listeners, _, err := listenAll(ctx, addresses, port, listen)
		if !isPortTaken(err) {
			return listeners, port, err
		}
		taken = append(taken, whyNot(port, err))
	}
	return nil, 0, taken
}

// portsError says for each port why it cannot be used. It wraps [ErrPortUnavailable].
type portsError []string

func (e portsError) Error() string { return strings.Join(e, "; ") }
func (portsError) Unwrap() error   { return ErrPortUnavailable }

// whyNot says why listening on port failed with err, and who is in the way if the system shows it.
func whyNot(port int, err error) string {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Sprintf("port %d is not open to this user", port)
	}
	taken := fmt.Sprintf("port %d is taken", port)
	op, ok := errors.AsType[*net.OpError](err)
	if !ok {
		return taken
	}
	a, ok := op.Addr.(*net.TCPAddr)
	if !ok {
		return taken
	}
	if who := portHolder(a.AddrPort()); who != "" {
		taken += " by " + who
	}
	return taken
}

// listenAll opens port on every address, or on none. Port 0 means any free port. An address whose family the machine
// lacks is skipped, as long as another one is there.
func listenAll(
	ctx context.Context, addresses []address, port int, listen listenFunc,
) (_ []net.Listener, _ int, err error) {
	var listeners []net.Listener
	defer func() {
		if err != nil {
			for _, l := range listeners {
				_ = l.Close()
			}
		}
	}()
	var missing error
	for _, a := range addresses {
		l, err := listen(ctx, a.network, net.JoinHostPort(a.ip, strconv.Itoa(port)))
		if isFamilyMissing(err) {
			missing = err
			continue
		}
		if err != nil {
			return nil, 0, fmt.Errorf("listen: %w", err)
		}
		listeners = append(listeners, l)
		port = l.Addr().(*net.TCPAddr).Port
	}
	if len(listeners) == 0 {
		return nil, 0, fmt.Errorf("listen: %w", missing)
	}
	return listeners, port, nil
}
