package peer

// Identity is one process. PID and Start together name it for good.
type Identity struct {
	PID int
	// Executable is the program's path; "" if the system does not say.
	Executable string
	// Start is when it began, in clock ticks since the system did; 0 if the system does not say.
	Start uint64
}

// Evidence is what the system says of a process besides its user. It is no boundary, as programs of one user can start
// and imitate each other; the process itself is the one that connected, and no later one with its pid.
type Evidence struct {
	Identity
	// Through is the process of ours that asked for the caller; zero if that connected itself.
	Through Identity
	// App is "flatpak:ID" or "snap:NAME" for a program in such a sandbox, and else "".
	App string
	// Unit is systemd's unit or scope; "" for none.
	Unit string
	// Parents lead from the caller's parent to the process that its session began with.
	Parents []Identity
	// Session is the session's id, TTY its controlling terminal; 0 for none.
	Session, TTY int
}

// Origin is the process that the caller's session began with: the terminal in which it runs, else the program that the
// desktop, sshd or the system started. It is the caller itself if that has no parent in its session.
func (e Evidence) Origin() Identity {
	if len(e.Parents) > 0 {
		return e.Parents[len(e.Parents)-1]
	}
	return e.Identity
}
