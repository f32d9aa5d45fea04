package provider

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// Confine returns ctx for requests to p. With it, a client of [NewHTTPClient] connects to hosts that nobody but p's
// discovery document names only at addresses that reach as far as its issuer's: a public document cannot lead us to a
// private address by a name that resolves to one. Hosts that the person or the table named are contacted wherever they
// are, and so is a proxy, which then looks up names itself.
func (p Provider) Confine(ctx context.Context) context.Context {
	if len(p.strangers) == 0 {
		return ctx
	}
	return context.WithValue(ctx, confinedKey{}, p.strangers)
}

// ConfineTo is [Provider.Confine] for requests to an endpoint that was saved, when the document of issuer named it. Only
// the issuer's own host is taken to be one that the person named.
func ConfineTo(ctx context.Context, endpoint, issuer string) context.Context {
	return Provider{strangers: strangersIn(issuer, netip.Addr{}, []string{endpoint})}.Confine(ctx)
}

// ConfineNamed is [Provider.Confine] for a request to a URL that the document of a resource names: it may lead to no address
// that reaches less far than the resource's own host.
func ConfineNamed(ctx context.Context, named, resource string) context.Context {
	u, err := url.Parse(resource)
	if err != nil || reachOf(u.Hostname()) == onMachine {
		return ctx
	}
	all := strangers{}
	if v, err := url.Parse(named); err == nil {
		all[strings.ToLower(v.Hostname())] = reachOf(u.Hostname())
	}
	return Provider{strangers: all.without(resource)}.Confine(ctx)
}

// Confined reports whether requests with ctx to host go to addresses that reach far enough, and to no others.
func Confined(ctx context.Context, host string) bool {
	_, ok := confined(ctx, host)
	return ok
}

func confined(ctx context.Context, host string) (least reach, ok bool) {
	hosts, _ := ctx.Value(confinedKey{}).(strangers)
	least, ok = hosts[strings.ToLower(host)]
	return least, ok
}

type confinedKey struct{}

// strangers are hosts in lower case, and how far their addresses have to reach.
type strangers map[string]reach

// without returns s but for the hosts of urls, which somebody we trust named.
func (s strangers) without(urls ...string) strangers {
	rest := maps.Clone(s)
	for _, raw := range urls {
		if u, err := url.Parse(raw); err == nil {
			delete(rest, strings.ToLower(u.Hostname()))
		}
	}
	return rest
}

// strangersIn returns the hosts of urls, which a document names, beside its issuer's. remote is the address at which the issuer
// answered; the zero Addr if that is not known, because a proxy was between.
func strangersIn(issuer string, remote netip.Addr, urls []string) strangers {
	least := anywhere
	if remote.IsValid() {
		least = reachOfAddr(remote)
	}
	all := strangers{}
	if least == onMachine {
		return all
	}
	for _, raw := range urls {
		if u, err := url.Parse(raw); err == nil && u.Hostname() != "" {
			all[strings.ToLower(u.Hostname())] = least
		}
	}
	return all.without(issuer)
}

// dialer opens connections as [Provider.Confine] allows.
type dialer struct{ net.Dialer }

func newDialer() *dialer { return &dialer{net.Dialer{Timeout: 10 * time.Second}} }

func (d *dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(addr)
	one := d.Dialer
	if least, ok := confined(ctx, host); ok {
		one.Control = func(_, at string, _ syscall.RawConn) error { return checkAddr(at, least) }
	}
	conn, err := one.DialContext(ctx, network, addr)
	if seen, ok := ctx.Value(seenKey{}).(*seen); ok && err == nil && strings.EqualFold(host, seen.host) {
		if at, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err == nil {
			addr := at.Addr()
			seen.addr.Store(&addr)
		}
	}
	return conn, err
}

// checkAddr refuses an address that does not reach far enough.
func checkAddr(addrPort string, least reach) error {
	at, err := netip.ParseAddrPort(addrPort)
	if err != nil {
		return err
	}
	if reachOfAddr(at.Addr()) < least {
		return fmt.Errorf("a private address, which the issuer's public document must not lead to; %s", nameIt)
	}
	return nil
}

// seen notes the address at which host was contacted.
type seen struct {
	host string
	addr atomic.Pointer[netip.Addr]
}

type seenKey struct{}

// see returns ctx for requests to the host of rawURL, and where its address will be noted.
func see(ctx context.Context, rawURL string) (context.Context, *seen) {
	s := &seen{}
	if u, err := url.Parse(rawURL); err == nil {
		s.host = u.Hostname()
	}
	return context.WithValue(ctx, seenKey{}, s), s
}

// at returns the address; the zero Addr if the host was not contacted, or not directly.
func (s *seen) at() netip.Addr {
	if addr := s.addr.Load(); addr != nil {
		return *addr
	}
	return netip.Addr{}
}
