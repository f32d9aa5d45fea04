package peer

import (
	"errors"
	"net"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxParents bounds a chain of parents, and mostText how much of a file in /proc is read, in bytes.
const (
	maxParents = 32
	mostText   = 4 << 10
)

// handle is a process that was taken hold of: its directory in /proc, which never becomes another process's.
type handle struct{ fd int }

// openProcess takes hold of the process that has pid now.
func openProcess(pid int) (handle, error) {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	return handle{fd}, err
}

// hold takes hold of the process that connected to c. The kernel has known it since then (SO_PEERPIDFD, Linux 6.5), so
// that it is not too late even now. On an older one, it must have begun when the connection was accepted.
func hold(c net.Conn, p Peer) (handle, error) {
	if p.PID <= 0 {
		return handle{}, os.ErrProcessDone // as far as can be seen from here
	}
	h, err := openProcess(p.PID)
	if err != nil {
		return handle{}, err
	}
	fd, err := pidfd(c)
	switch {
	case err == nil:
		// If the process lives after its directory was opened, the directory is its own.
		err = unix.PidfdSendSignal(fd, 0, nil, 0)
		_ = unix.Close(fd)
		if err == unix.EPERM {
			err = nil // another user's, and there
		}
	case errors.Is(err, unix.ENOPROTOOPT):
		err = nil
		if s, ok := h.stat(); !ok || s.start != p.start {
			err = os.ErrProcessDone
		}
	}
	if err != nil {
		h.close()
		return handle{}, err
	}
	return h, nil
}

// startedAt returns when the process that connected to c began, if a later look could not tell it from another one with
// its pid; else 0.
func startedAt(c net.Conn, pid int) uint64 {
	if pid <= 0 || knowsProcess.Load() {
		return 0
	}
	fd, err := pidfd(c)
	if err == nil {
		_ = unix.Close(fd)
	}
	if !errors.Is(err, unix.ENOPROTOOPT) {
		knowsProcess.Store(true)
		return 0
	}
	h, err := openProcess(pid)
	if err != nil {
		return 0
	}
	defer h.close()
	s, _ := h.stat()
	return s.start
}

// knowsProcess is set once the kernel was seen to hold on to the process at the other end.
var knowsProcess atomic.Bool

func pidfd(c net.Conn) (fd int, err error) {
	socket, ok := c.(syscall.Conn)
	if !ok {
		return -1, ErrUnsupported
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return -1, err
	}
	if outer := raw.Control(func(s uintptr) { fd, err = unix.GetsockoptInt(int(s), unix.SOL_SOCKET, unix.SO_PEERPIDFD) }); outer != nil {
		return -1, outer
	}
	return fd, err
}

func (h handle) close() { _ = unix.Close(h.fd) }

// read returns the beginning of one of the process's files; "" if it cannot be read.
func (h handle) read(name string) string {
	fd, err := unix.Openat(h.fd, name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return ""
	}
	defer func() { _ = unix.Close(fd) }()
	var text [mostText]byte
	n, err := unix.Read(fd, text[:])
	if err != nil {
		return ""
	}
	return string(text[:n])
}

func (h handle) executable() string {
	var to [unix.PathMax]byte
	n, err := unix.Readlinkat(h.fd, "exe", to[:])
	if err != nil {
		return ""
	}
	// The kernel adds this if the file was replaced, by an upgrade for example; it is the same program.
	return strings.TrimSuffix(string(to[:n]), " (deleted)")
}

// uid is the process's effective user, -1 if it cannot be read.
func (h handle) uid() int {
	var info unix.Stat_t
	if unix.Fstat(h.fd, &info) != nil {
		return -1
	}
	return int(info.Uid)
}

// stat is what of proc_pid_stat(5) matters here.
type stat struct {
	name                 string
	parent, session, tty int
	start                uint64
}

func (h handle) stat() (s stat, ok bool) {
	text := h.read("stat")
	// The name is in parentheses and may have any character.
	from, to := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if from < 0 || to < from {
		return stat{}, false
	}
	s.name = text[from+1 : to]
	fields := strings.Fields(text[to+1:])
	if len(fields) < 20 {
		return stat{}, false
	}
	var err error
	number := func(i int) int {
		n, wrong := strconv.Atoi(fields[i])
		if wrong != nil {
			err = wrong
		}
		return n
	}
	s.parent, s.session, s.tty = number(1), number(3), number(4)
	s.start, _ = strconv.ParseUint(fields[19], 10, 64)
	return s, err == nil && s.start > 0
}

// known is the evidence about processes that connected lately, by the process: what has not changed since is not read again.
var known = memory[Evidence]{of: map[Identity]Evidence{}}

// memory remembers something about processes. A program that replaced another in a process (execve) is another one.
type memory[T any] struct {
	mu sync.Mutex // guards of
	of map[Identity]T
}

// maxKnown bounds how many are remembered.
const maxKnown = 256

func (m *memory[T]) get(of Identity) (value T, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, ok = m.of[of]
	return value, ok
}

func (m *memory[T]) put(of Identity, value T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.of) >= maxKnown {
		clear(m.of)
	}
	m.of[of] = value
}

// evidence reads what the system says of the process at the other end of c.
func evidence(c net.Conn, p Peer) (Evidence, error) {
	h, err := hold(c, p)
	if err != nil {
		return Evidence{}, err
	}
	defer h.close()
	s, ok := h.stat()
	if !ok {
		return Evidence{}, os.ErrProcessDone
	}
	process := Identity{p.PID, h.executable(), s.start}
	if e, ok := known.get(process); ok {
		e.Session, e.TTY = s.session, s.tty
		return e, nil
	}
	own := ownPrograms()
	if slices.Contains(own, process.Executable) {
		if pid := servedBy(h.read("cmdline")); pid > 0 {
			return served(process, pid, p.UID, own)
		}
	}
	e := h.evidence(process, s, p.UID, own)
	known.put(process, e)
	return e, nil
}

// evidence reads what there is beyond what is known of the process already.
func (h handle) evidence(process Identity, s stat, uid int, own []string) Evidence {
	e := Evidence{Identity: process, Session: s.session, TTY: s.tty, Parents: parents(s, uid)}
	e.App, e.Unit = h.place()
	e.resolve(own)
	return e
}

// emulationServer is the verb of the process of ours that answers a program in the place of a cloud's own server
// (exec --google). Nobody is its parent; its last argument is the process that it serves.
const emulationServer = "emulation-server"

// servedBy returns the process that a process of ours serves according to its command line, 0 for none.
func servedBy(cmdline string) int {
	arguments := strings.Split(strings.TrimSuffix(cmdline, "\x00"), "\x00")
	if len(arguments) < 3 || arguments[1] != emulationServer {
		return 0
	}
	pid, err := strconv.Atoi(arguments[len(arguments)-1])
	if err != nil {
		return 0
	}
	return pid
}

// served is the evidence about the process of that pid, for which server asks. It must have been there before server.
func served(server Identity, pid, uid int, own []string) (Evidence, error) {
	h, err := openProcess(pid)
	if err != nil {
		return Evidence{}, err
	}
	defer h.close()
	s, ok := h.stat()
	if !ok || s.start > server.Start || h.uid() != uid {
		return Evidence{}, os.ErrProcessDone
	}
	e := h.evidence(Identity{pid, h.executable(), s.start}, s, uid, own)
	e.Through = server
	return e, nil
}

// resolve puts the program that ran one of ours in its place.
func (e *Evidence) resolve(own []string) {
	ours := func(p Identity) bool { return slices.Contains(own, p.Executable) }
	if !ours(e.Identity) {
		return
	}
	i := slices.IndexFunc(e.Parents, func(p Identity) bool { return !ours(p) })
	if i < 0 {
		return
	}
	e.Through, e.Identity = e.Identity, e.Parents[i]
	e.Parents = e.Parents[i+1:]
}

// ownPrograms are the paths of this program and of the small one beside it.
func ownPrograms() []string {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil
	}
	self = strings.TrimSuffix(self, " (deleted)")
	return []string{self, filepath.Join(filepath.Dir(self), "oauthd-helper")}
}

// place returns the sandbox and the unit that the process is in.
func (h handle) place() (app, unit string) {
	group := controlGroup(h.read("cgroup"))
	unit = unitOf(group)
	if info := h.read("root/.flatpak-info"); info != "" {
		return flatpak(info), unit
	}
	if name, ok := snap(group); ok {
		return "snap:" + name, unit
	}
	return "", unit
}

// flatpak returns the application's id from its .flatpak-info, in which it is the name of the application.
func flatpak(info string) string {
	section := ""
	for line := range strings.Lines(info) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = line
		}
		if name, ok := strings.CutPrefix(line, "name="); ok && (section == "[Application]" || section == "[Runtime]") {
			return "flatpak:" + name
		}
	}
	return ""
}

// controlGroup returns the path of the process's cgroup of systemd's, of version 2 or else of version 1.
func controlGroup(text string) string {
	old := ""
	for line := range strings.Lines(text) {
		if at, ok := strings.CutPrefix(line, "0::"); ok {
			return strings.TrimSuffix(at, "\n")
		}
		if _, at, ok := strings.Cut(line, ":name=systemd:"); ok {
			old = strings.TrimSuffix(at, "\n")
		}
	}
	return old
}

// unitOf returns the innermost unit or scope in the path of a cgroup.
func unitOf(group string) string {
	for group != "" && group != "/" && group != "." {
		switch name := path.Base(group); path.Ext(name) {
		case ".service", ".scope", ".socket":
			return name
		}
		group = path.Dir(group)
	}
	return ""
}

// snap returns the name of the snap in the path of a cgroup: snap.NAME.APP.UUID.scope or snap.NAME.APP.service.
func snap(group string) (name string, ok bool) {
	for part := range strings.SplitSeq(group, "/") {
		if rest, found := strings.CutPrefix(part, "snap."); found {
			name, _, ok = strings.Cut(rest, ".")
			return name, ok
		}
	}
	return "", false
}

// ancestor is a process above a caller.
type ancestor struct {
	Identity
	tty int
}

// ancestors are those of processes that started callers lately.
var ancestors = memory[[]ancestor]{of: map[Identity][]ancestor{}}

// above returns the ancestors of the process that s describes, up to the last one before the system's own, such as the
// user's manager, sshd or a process of another user.
func above(s stat, uid, most int) []ancestor {
	if s.parent <= 1 || most == 0 {
		return nil
	}
	h, err := openProcess(s.parent)
	if err != nil {
		return nil
	}
	defer h.close()
	parent, ok := h.stat()
	a := ancestor{Identity{s.parent, h.executable(), parent.start}, parent.tty}
	if !ok || h.uid() != uid || parent.start > s.start || boundary(a.Identity, parent) {
		return nil
	}
	if chain, ok := ancestors.get(a.Identity); ok {
		return chain
	}
	chain := append([]ancestor{a}, above(parent, uid, most-1)...)
	ancestors.put(a.Identity, chain)
	return chain
}

// parents returns the ancestors of a process up to the one that its session began with: the terminal around it, or else
// the last one of all.
func parents(s stat, uid int) (chain []Identity) {
	outer, terminal := -1, s.tty != 0 // the outermost with a terminal; -1 is the process itself
	for i, a := range above(s, uid, maxParents) {
		chain = append(chain, a.Identity)
		if a.tty != 0 {
			outer, terminal = i, true
		}
	}
	if terminal && outer+2 < len(chain) {
		return chain[:outer+2] // the terminal is the parent of the outermost that runs in one
	}
	return chain
}

// boundary reports whether a process belongs to the system and begins sessions.
func boundary(p Identity, s stat) bool {
	switch s.name {
	case "systemd", "(sd-pam)", "init", "login":
		return true
	}
	return strings.HasPrefix(s.name, "sshd") || path.Base(p.Executable) == "sshd" || path.Base(p.Executable) == "systemd"
}
