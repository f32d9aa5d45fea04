package machine

// Logind is what to do when systemd-logind reports something (org.freedesktop.login1). Functions that are nil are not
// called.
type Logind struct {
	// UID is the person whose sessions count.
	UID int
	// Suspending is called before the machine is suspended, which waits for it if Delay returned true when logind was first
	// reached, or when the machine woke last. Resumed is called when the machine has woken.
	Delay               func() bool
	Suspending, Resumed func()
	// ScreenLocked is called when a session of the person is locked, SessionsEnded when they have none left.
	ScreenLocked, SessionsEnded func()
}
