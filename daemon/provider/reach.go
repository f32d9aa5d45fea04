package provider

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// reach is from where a host can be reached. The order matters: a discovery document may name its issuer's own host, and
// hosts that reach as far as that one or farther. So what is published for everyone never makes us contact an address
// that means something else in each network, or on each machine.
type reach int

const (
	onMachine reach = iota // loopback
	onNetwork              // addresses and names that are private to a network
	anywhere
)

// reachOf returns the reach of a host as a URL has it, without brackets. A name says little: what it resolves to is looked
// at when it is dialled, see [Provider.Confine].
func reachOf(host string) reach {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if addr, err := netip.ParseAddr(host); err == nil {
		return reachOfAddr(addr)
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	switch {
	case last == "localhost" || last == "localdomain":
		return onMachine
	case strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x"):
		return onMachine // 127.1, 0x7f000001: an address to some resolvers
	case last == host, slices.Contains(privateDomains, last), strings.HasSuffix("."+host, ".home.arpa"):
		return onNetwork
	}
	return anywhere
}

// privateDomains are the top-level domains that each network has for itself: RFC 6762 with its appendix G, and .internal
// as ICANN reserved it.
var privateDomains = []string{"local", "internal", "intranet", "private", "corp", "home", "lan"}

// reachOfAddr goes by the special-purpose registries of IANA (RFC 6890).
func reachOfAddr(addr netip.Addr) reach {
	addr = addr.WithZone("").Unmap()
	switch {
	case addr.IsLoopback(), addr.IsUnspecified():
		return onMachine
	case addr.IsPrivate(), addr.IsLinkLocalUnicast(), addr.IsMulticast():
		return onNetwork
	}
	if inside, ok := embedded(addr); ok {
		return reachOfAddr(inside)
	}
	for _, p := range specialPrefixes() {
		if p.Contains(addr) {
			return onNetwork
		}
	}
	return anywhere
}

// embedded returns the IPv4 address at which an IPv6 address of a transition mechanism ends.
func embedded(addr netip.Addr) (netip.Addr, bool) {
	if addr.Is4() {
		return netip.Addr{}, false
	}
	b := addr.As16()
	switch {
	case compatible.Contains(addr), nat64.Contains(addr):
		return netip.AddrFrom4([4]byte(b[12:16])), true
	case sixToFour.Contains(addr):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	}
	return netip.Addr{}, false
}

var (
	compatible = netip.MustParsePrefix("::/96")        // RFC 4291 §2.5.5.1
	nat64      = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052
	sixToFour  = netip.MustParsePrefix("2002::/16")    // RFC 3056
	special    = []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10",
	}
)

// specialPrefixes are networks that are not reachable from everywhere, beside those that netip knows: shared address
// space (RFC 6598), benchmarks, documentation, protocol assignments, local-use NAT64, site-local.
var specialPrefixes = sync.OnceValue(func() []netip.Prefix {
	prefixes := make([]netip.Prefix, len(special))
	for i, s := range special {
		prefixes[i] = netip.MustParsePrefix(s)
	}
	return prefixes
})

// checkNamed refuses a URL that the discovery document of issuer must not name.
func checkNamed(issuer *url.URL, raw string) error {
	u, err := parseURL(raw)
	if err != nil {
		return err
	}
	if where := nearer(issuer, u); where != "" {
		return errors.New("is " + where + ", and the issuer is not; " + nameIt)
	}
	return nil
}

// nearer returns where u is if it reaches less far than from, and is not on the same host; "" otherwise.
func nearer(from, u *url.URL) string {
	switch to := reachOf(u.Hostname()); {
	case to >= reachOf(from.Hostname()), strings.EqualFold(u.Hostname(), from.Hostname()):
		return ""
	case to == onMachine:
		return "on this machine"
	default:
		return "on a private network"
	}
}

// nameIt is what to do about an endpoint that a document must not name.
const nameIt = "if you trust it, name the endpoints yourself: [providers.NAME] in config.toml"
