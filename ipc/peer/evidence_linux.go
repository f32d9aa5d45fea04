package peer

import (
	"bufio"
	"errors"
	"net"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxParents bounds a chain of parents, and mostText how much of a file in /proc is read, in bytes.
const (
	maxParents = 32
	mostText   = 16 << 10
)

// handle is a process that was taken hold of: its directory in /proc, which never becomes another process's.
type handle struct {
	pid int
	dir *os.File
}

// hold takes hold of the process that connected to c. The kernel has known it since then (SO_PEERPIDFD, Linux 6.5), so
// that it is not too late even now. On an older one, it must have begun when the connection was accepted.
func hold(c net.Conn, p Peer) (handle, error) {
	if p.PID <= 0 {
		return handle{}, ErrUnsupported
	}
	dir, err := os.Open("/proc/" + strconv.Itoa(p.PID))
	if err != nil {
		return handle{}, err
	}
	h := handle{p.PID, dir}
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
		_ = dir.Close()
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
	dir, err := os.Open("/proc/" + strconv.Itoa(pid))
	if err != nil {
		return 0
	}
	h := handle{pid, dir}
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

func (h handle) close() { _ = h.dir.Close() }

func (h handle) open(name string) (*os.File, error) {
	fd, err := unix.Openat(int(h.dir.Fd()), name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

func (h handle) read(name string) string {
	f, err := h.open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	text := make([]byte, mostText)
	n, _ := f.Read(text)
	return string(text[:n])
}

func (h handle) executable() string {
	to := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(h.dir.Fd()), "exe", to)
	if err != nil {
		return ""
	}
	// The kernel adds this if the file was replaced, by an upgrade for example; it is the same program.
	return strings.TrimSuffix(string(to[:n]), " (deleted)")
}

// uid is the process's effective user, -1 if it cannot be read.
func (h handle) uid() int {
	info, err := h.dir.Stat()
	if err != nil {
		return -1
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid)
	}
	return -1
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
	e := Evidence{Identity: Identity{p.PID, h.executable(), s.start}, Session: s.session, TTY: s.tty}
	e.App, e.Unit = h.place()
	e.Parents = parents(s, p.UID)
	e.resolve(ownPrograms())
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
	if f, err := h.open("root/.flatpak-info"); err == nil {
		defer f.Close()
		return flatpak(f), unit
	}
	if name, ok := snap(group); ok {
		return "snap:" + name, unit
	}
	return "", unit
}

// flatpak returns the application's id from its .flatpak-info, in which it is the name of the application.
func flatpak(f *os.File) string {
	section := ""
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
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

// parents returns the ancestors of a process up to the one that its session began with: the terminal around it, or else
// the last one before the system's own, such as the user's manager, sshd or a process of another user.
func parents(s stat, uid int) (chain []Identity) {
	outer := -1 // the outermost with a terminal; -1 is the process itself
	terminal := s.tty != 0
	for len(chain) < maxParents && s.parent > 1 {
		pid := s.parent
		dir, err := os.Open("/proc/" + strconv.Itoa(pid))
		if err != nil {
			break
		}
		h := handle{pid, dir}
		above, ok := h.stat()
		p := Identity{pid, h.executable(), above.start}
		foreign := !ok || h.uid() != uid || above.start > s.start || boundary(p, above)
		h.close()
		if foreign {
			break
		}
		chain = append(chain, p)
		if above.tty != 0 {
			outer, terminal = len(chain)-1, true
		}
		s = above
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
