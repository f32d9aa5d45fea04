package redirect

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"oauthd/ipc/api"
	"oauthd/ipc/peer"
)

// portHolder names what already listens on a, such as "nginx (pid 123)", or "a process of uid 33" if we may not read
// its descriptors; "" if that is not known.
func portHolder(a netip.AddrPort) string { return procRoot("/proc").holder(a) }

// procRoot is where the proc file system is mounted.
type procRoot string

// socket is a row of the kernel's tables of TCP sockets.
type socket struct {
	uid, inode string
	listens    bool
}

func (p procRoot) holder(a netip.AddrPort) string {
	s, ok := p.socketAt(a)
	if !ok {
		return ""
	}
	if pid, ok := p.owner(s.inode); ok {
		return p.describe(pid)
	}
	return "a process of uid " + s.uid
}

// socketAt finds the socket that has the address and port a, or all addresses at that port. One that listens comes
// before a mere connection.
func (p procRoot) socketAt(a netip.AddrPort) (found socket, ok bool) {
	at := func(ip netip.Addr) netip.AddrPort { return netip.AddrPortFrom(ip, a.Port()) }
	var conflicts4 []string
	conflicts6 := []string{peer.TableAddr6(a), peer.TableAddr6(at(netip.IPv6Unspecified()))}
	if a.Addr().Unmap().Is4() {
		conflicts4 = []string{peer.TableAddr4(a), peer.TableAddr4(at(netip.IPv4Unspecified()))}
	}
	for _, s := range append(
		p.sockets("net/tcp", conflicts4), p.sockets("net/tcp6", conflicts6)...,
	) {
		if !ok || s.listens && !found.listens {
			found, ok = s, true
		}
	}
	return found, ok
}

// sockets returns the sockets in a table (proc(5)) that have one of the local addresses and still have an owner.
func (p procRoot) sockets(table string, locals []string) []socket {
	f, err := os.Open(filepath.Join(string(p), table))
	if err != nil {
		return nil
	}
	defer f.Close()
	const listen = "0A"
	var found []socket
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		f := strings.Fields(lines.Text()) // sl local rem st tx:rx tr:tm retr uid timeout inode …
		if len(f) > 9 && slices.Contains(locals, f[1]) && f[9] != "0" {
			found = append(found, socket{uid: f[7], inode: f[9], listens: f[3] == listen})
		}
	}
	return found
}

// owner finds the lowest pid that has the socket open, among the processes whose descriptors we may read. What we may
// not read, or what has just ended, has none.
func (p procRoot) owner(inode string) (pid int, ok bool) {
	entries, _ := os.ReadDir(string(p))
	var pids []int
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, n)
		}
	}
	slices.Sort(pids)
	link := "socket:[" + inode + "]"
	for _, pid := range pids {
		dir := filepath.Join(string(p), strconv.Itoa(pid), "fd")
		descriptors, _ := os.ReadDir(dir)
		for _, d := range descriptors {
			if to, _ := os.Readlink(filepath.Join(dir, d.Name())); to == link {
				return pid, true
			}
		}
	}
	return 0, false
}

// describe names a process. A program chooses that name itself, so it is filtered for the terminal.
func (p procRoot) describe(pid int) string {
	comm, _ := os.ReadFile(filepath.Join(string(p), strconv.Itoa(pid), "comm"))
	name := api.Excerpt(string(comm))
	if name == "" {
		return fmt.Sprintf("pid %d", pid)
	}
	return fmt.Sprintf("%s (pid %d)", name, pid)
}
