package api

// Process is one process, as the system describes it.
type Process struct {
	PID int `json:"pid"`
	// Executable is the path of its program; "" if the system does not say.
	Executable string `json:"exe,omitempty"`
	// Start is when it began, in clock ticks since the system did: with PID it names one process for good. 0 if the system
	// does not say.
	Start uint64 `json:"start,omitempty"`
}

// Evidence is what the system says of a caller. Of its fields, UID and the process itself come from the kernel and cannot
// be forged; App and Unit say where the process was put, Origin and Parents who began it. A program of the same user can
// bring any of these about, by starting another program for example.
type Evidence struct {
	UID int `json:"uid"`
	// Process is the program that asks. If that is oauthd itself, as a helper for example, it is the program that ran it.
	Process
	// Through is the process of oauthd's that asked for Process; nil if Process asked itself.
	Through *Process `json:"through,omitempty"`
	// App is the application's id, "flatpak:org.example.Mail" or "snap:mail"; "" outside such a sandbox.
	App string `json:"app,omitempty"`
	// Unit is systemd's unit or scope; "" if there is none.
	Unit string `json:"unit,omitempty"`
	// Origin is the process that the caller's session began with: the terminal, the program that the desktop started, or
	// the shell that sshd did. It is the caller itself if it is that process, and nil if the system does not say.
	Origin *Process `json:"origin,omitempty"`
	// Parents lead from Process's parent to Origin.
	Parents []Process `json:"parents,omitempty"`
	// Session is its session's id, and TTY the number of its controlling terminal; 0 if there is none.
	Session int `json:"session,omitempty"`
	TTY     int `json:"tty,omitempty"`
	// Socket is the name of the restricted socket by which it came; "" for the daemon's own.
	Socket string `json:"socket,omitempty"`
	// Unknown is true if the system, which says this of others, does not say what program the caller is: the process that
	// connected has ended, or hides.
	Unknown bool `json:"unknown,omitempty"`
}
