package daemon

// These methods report what happens around the daemon: to the machine, and to the person's sessions.

// Resumed says that the machine has woken from a suspend: what came due meanwhile is looked at now.
func (d *Daemon) Resumed() {
	d.tokens.Wake()
	d.files.Changed("")
	d.autolock.Look()
	d.alive.Resumed()
}

// ScreenLocked says that the person's screen was locked.
func (d *Daemon) ScreenLocked() { d.autolock.ScreenLocked() }

// Suspending says that the machine is about to be suspended, which waits until it returns if [Daemon.LocksOnSuspend].
func (d *Daemon) Suspending() { d.autolock.Suspending() }

// SessionsEnded says that the last session of the person has ended.
func (d *Daemon) SessionsEnded() { d.autolock.SessionsEnded() }

// LocksOnSuspend reports whether a suspend locks.
func (d *Daemon) LocksOnSuspend() bool { return d.book.Locking().OnSuspend }

// LocksOnSessions reports whether anything locks that happens to sessions or to the machine.
func (d *Daemon) LocksOnSessions() bool { return d.book.Locking().OnSessions() }
