//go:build !linux

package redirect

import "net/netip"

// portHolder returns "": the system does not tell who has a port without running another program.
func portHolder(netip.AddrPort) string { return "" }
