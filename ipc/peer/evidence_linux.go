package peer

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// known is the evidence about processes that connected lately, by the process: what has not changed since is not read again.
var known = memory[Evidence]{of: map[Identity]Evidence{}}

// knownServed is the evidence about processes that ours serve, by the process of ours.
var knownServed = memory[Evidence]{of: map[Identity]Evidence{}}

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
			return lasting(process, func() (Evidence, error) { return served(process, pid, p.UID, own) })
		}
	}
	e := h.evidence(process, s, p.UID, own)
	known.put(process, e)
	return e, nil
}

// lasting returns what look finds out for a process of ours that serves another. That one may have ended, and then it is what
// was found out last.
func lasting(server Identity, look func() (Evidence, error)) (Evidence, error) {
	e, err := look()
	if err == nil {
		knownServed.put(server, e)
		return e, nil
	}
	if last, ok := knownServed.get(server); ok {
		return last, nil
	}
	return e, err
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
	program := h.executable()
	if program == "" { // it has ended, and nobody has waited for it yet
		return Evidence{}, os.ErrProcessDone
	}
	e := h.evidence(Identity{pid, program, s.start}, s, uid, own)
	e.Through = server
	return e, nil
}

// resolve puts the program that ran one of ours in its place. git runs its helpers through a shell, as others do; a shell
// that was given one simple command to run is no more than a courier.
func (e *Evidence) resolve(own []string) {
	ours := func(p Identity) bool { return slices.Contains(own, p.Executable) }
	if !ours(e.Identity) {
		return
	}
	i := slices.IndexFunc(e.Parents, func(p Identity) bool { return !ours(p) })
	if i < 0 {
		return
	}
	if i+1 < len(e.Parents) && isCourier(e.Parents[i]) {
		i++
	}
	e.Through, e.Identity = e.Identity, e.Parents[i]
	e.Parents = e.Parents[i+1:]
}

// isCourier reports whether a process is a shell that runs one simple command.
func isCourier(p Identity) bool {
	switch filepath.Base(p.Executable) {
	case "sh", "dash", "bash", "ash", "busybox", "ksh", "mksh", "zsh":
	default:
		return false
	}
	h, err := openProcess(p.PID)
	if err != nil {
		return false
	}
	defer h.close()
	s, ok := h.stat()
	return ok && s.start == p.Start && runsSimpleCommand(h.read("cmdline"))
}

// runsSimpleCommand reports whether a shell's command line is -c and a simple command, whose words may come from "$@".
func runsSimpleCommand(cmdline string) bool {
	arguments := strings.Split(cmdline, "\x00")
	return len(arguments) > 2 && arguments[1] == "-c" &&
		!strings.ContainsAny(strings.ReplaceAll(arguments[2], `"$@"`, ""), ";|&<>()`$\n{}")
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
