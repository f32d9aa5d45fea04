package peer

import (
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// mostText is how much of a file in /proc is read, in bytes.
const mostText = 4 << 10

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
