package peer

import (
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// maxParents bounds a chain of parents.
const maxParents = 32

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

// OtherTerminal reports whether a program of this user runs in a terminal that is not tty: there, a person can be asked.
func OtherTerminal(tty int) bool {
	processes, err := os.ReadDir("/proc")
	if err != nil {
		return true
	}
	return slices.ContainsFunc(processes, func(entry os.DirEntry) bool {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			return false
		}
		h, err := openProcess(pid)
		if err != nil {
			return false
		}
		defer h.close()
		s, ok := h.stat()
		return ok && s.tty != 0 && s.tty != tty && h.uid() == os.Getuid()
	})
}
