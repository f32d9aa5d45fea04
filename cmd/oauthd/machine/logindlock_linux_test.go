package machine

import (
	"context"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"oauthd/keystore/storetest"

	"github.com/godbus/dbus/v5"
)

// me is the person of these tests.
const me = 1000

// logind is a system bus with a logind on it; both are the test's own.
type logind struct {
	address string
	conn    *dbus.Conn
	// delays gets both ends of the pipe that delays a suspend: reading ends when everybody has closed what writes.
	delays chan [2]*os.File

	mu       sync.Mutex // guards the fields below
	sessions map[dbus.ObjectPath]*fakeSession
}

type fakeSession struct {
	uid          uint32
	class, state string
}

// listed is a session in ListSessions' answer.
type listed struct {
	ID   string
	UID  uint32
	User string
	Seat string
	Path dbus.ObjectPath
}

func newLogind(t *testing.T, sessions map[dbus.ObjectPath]*fakeSession) *logind {
	t.Helper()
	l := &logind{address: storetest.StartBus(t), delays: make(chan [2]*os.File, 8), sessions: sessions}
	conn, err := dbus.Connect(l.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	l.conn = conn
	if err := conn.Export(l, login1Path, manager); err != nil {
		t.Fatal(err)
	}
	for path := range sessions {
		if err := conn.Export(sessionProperties{l, path}, path, properties); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.RequestName(login1, dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	return l
}

// ListSessions is org.freedesktop.login1.Manager's.
func (l *logind) ListSessions() ([]listed, *dbus.Error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []listed
	for path, s := range l.sessions {
		all = append(all, listed{"1", s.uid, "ada", "seat0", path})
	}
	return all, nil
}

// Inhibit is org.freedesktop.login1.Manager's.
func (l *logind) Inhibit(what, _, _, mode string) (dbus.UnixFD, *dbus.Error) {
	r, w, err := os.Pipe()
	if err != nil || what != "sleep" || mode != "delay" {
		return 0, dbus.NewError("org.freedesktop.DBus.Error.InvalidArgs", nil)
	}
	fd := dbus.UnixFD(w.Fd())
	l.delays <- [2]*os.File{r, w}
	return fd, nil
}

type sessionProperties struct {
	l    *logind
	path dbus.ObjectPath
}

// Get is org.freedesktop.DBus.Properties'.
func (p sessionProperties) Get(_, name string) (dbus.Variant, *dbus.Error) {
	p.l.mu.Lock()
	defer p.l.mu.Unlock()
	s := p.l.sessions[p.path]
	if s == nil {
		return dbus.Variant{}, dbus.NewError("org.freedesktop.DBus.Error.UnknownObject", nil)
	}
	return dbus.MakeVariant(map[string]any{
		"User": struct {
			UID  uint32
			Path dbus.ObjectPath
		}{s.uid, "/org/freedesktop/login1/user/self"},
		"Class": s.class, "State": s.state,
	}[name]), nil
}

// change changes the sessions.
func (l *logind) change(f func(map[dbus.ObjectPath]*fakeSession)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(l.sessions)
}

func (l *logind) emit(t *testing.T, path dbus.ObjectPath, name string, values ...any) {
	t.Helper()
	if err := l.conn.Emit(path, name, values...); err != nil {
		t.Fatal(err)
	}
}

// hint has a session's properties change.
func (l *logind) hint(t *testing.T, path dbus.ObjectPath, name string, value any) {
	t.Helper()
	l.emit(t, path, properties+".PropertiesChanged", session, map[string]dbus.Variant{name: dbus.MakeVariant(value)}, []string{})
}

// watchLocks runs WatchLogind and returns what it calls, in order. It has reached logind when it returns.
func (l *logind) watchLocks(t *testing.T, delay bool) <-chan string {
	t.Helper()
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", l.address)
	ctx, cancel := context.WithCancel(context.Background())
	calls, ended := make(chan string, 100), make(chan struct{})
	say := func(what string) func() { return func() { calls <- what } }
	asked := make(chan struct{})
	var once sync.Once
	go func() {
		defer close(ended)
		_ = WatchLogind(ctx, Logind{
			UID: me, Delay: func() bool { once.Do(func() { close(asked) }); return delay },
			Suspending: say("suspending"), Resumed: say("resumed"), ScreenLocked: say("locked"), SessionsEnded: say("ended"),
		})
	}()
	t.Cleanup(func() { cancel(); <-ended })
	select {
	case <-asked: // when it listens, just before it counts the sessions
	case <-time.After(waitLimit):
		t.Fatal("WatchLogind has not asked")
	}
	return calls
}

// wantCalls checks what was called. A resume marks the end.
func (l *logind) wantCalls(t *testing.T, calls <-chan string, want ...string) {
	t.Helper()
	l.emit(t, login1Path, manager+".PrepareForSleep", false)
	for _, want := range append(want, "resumed") {
		select {
		case got := <-calls:
			if got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		case <-time.After(waitLimit):
			t.Fatalf("got nothing, want %q", want)
		}
	}
}

const (
	desktopSession = dbus.ObjectPath("/org/freedesktop/login1/session/_32")
	sshSession     = dbus.ObjectPath("/org/freedesktop/login1/session/_33")
	managerSession = dbus.ObjectPath("/org/freedesktop/login1/session/c1")
	othersSession  = dbus.ObjectPath("/org/freedesktop/login1/session/_34")
)

func someSessions() map[dbus.ObjectPath]*fakeSession {
	return map[dbus.ObjectPath]*fakeSession{
		desktopSession: {me, "user", "active"},
		sshSession:     {me, "user", "online"},
		managerSession: {me, "manager", "active"},
		othersSession:  {me + 1, "user", "online"},
	}
}

func TestScreenIsLocked(t *testing.T) {
	l := newLogind(t, someSessions())
	calls := l.watchLocks(t, false)
	l.emit(t, desktopSession, session+".Lock")
	l.wantCalls(t, calls, "locked")
	l.hint(t, desktopSession, "LockedHint", true)
	l.wantCalls(t, calls, "locked")
	l.emit(t, desktopSession, session+".Unlock")
	l.hint(t, desktopSession, "LockedHint", false)
	l.hint(t, desktopSession, "IdleHint", true)
	l.emit(t, othersSession, session+".Lock")
	l.hint(t, othersSession, "LockedHint", true)
	l.wantCalls(t, calls)
}

func TestLastSessionEnds(t *testing.T) {
	l := newLogind(t, someSessions())
	calls := l.watchLocks(t, false)
	l.wantCalls(t, calls) // it has counted
	l.change(func(s map[dbus.ObjectPath]*fakeSession) { delete(s, sshSession) })
	l.emit(t, login1Path, manager+".SessionRemoved", "3", sshSession)
	l.wantCalls(t, calls)
	l.change(func(s map[dbus.ObjectPath]*fakeSession) { s[desktopSession].state = "closing" })
	l.hint(t, desktopSession, "Active", false)
	l.wantCalls(t, calls, "ended")
	l.change(func(s map[dbus.ObjectPath]*fakeSession) { delete(s, desktopSession) })
	l.emit(t, login1Path, manager+".SessionRemoved", "2", desktopSession)
	l.wantCalls(t, calls) // it had ended
	l.change(func(s map[dbus.ObjectPath]*fakeSession) { s[sshSession] = &fakeSession{me, "user", "online"} })
	l.emit(t, login1Path, manager+".SessionNew", "3", sshSession)
	l.wantCalls(t, calls)
	l.change(func(s map[dbus.ObjectPath]*fakeSession) { delete(s, sshSession) })
	l.emit(t, login1Path, manager+".SessionRemoved", "3", sshSession)
	l.wantCalls(t, calls, "ended")
}

// A suspend waits until it was answered.
func TestSuspendIsDelayed(t *testing.T) {
	l := newLogind(t, someSessions())
	calls := l.watchLocks(t, true)
	for range 2 {
		var delay [2]*os.File
		select {
		case delay = <-l.delays:
		case <-time.After(waitLimit):
			t.Fatal("the suspend is not delayed")
		}
		l.emit(t, login1Path, manager+".PrepareForSleep", true)
		l.wantCalls(t, calls, "suspending")
		_ = delay[1].Close()
		if err := delay[0].SetReadDeadline(time.Now().Add(waitLimit)); err != nil {
			t.Fatal(err)
		}
		if _, err := delay[0].Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the delay: got %v, want its end", err)
		}
		_ = delay[0].Close()
	}
}

// A signal that somebody else sends to the watch alone, which the bus does not filter by who is logind, does nothing.
func TestSignalsOfAStranger(t *testing.T) {
	l := newLogind(t, someSessions())
	calls := l.watchLocks(t, false)
	l.wantCalls(t, calls)
	stranger, err := dbus.Connect(l.address)
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	var names []string
	if err := stranger.BusObject().Call("org.freedesktop.DBus.ListNames", 0).Store(&names); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		for _, m := range []struct {
			path        dbus.ObjectPath
			iface, name string
			body        []any
		}{
			{desktopSession, session, "Lock", nil},
			{login1Path, manager, "PrepareForSleep", []any{true}},
			{desktopSession, properties, "PropertiesChanged", []any{session, map[string]dbus.Variant{"LockedHint": dbus.MakeVariant(true)}, []string{}}},
		} {
			message := &dbus.Message{Type: dbus.TypeSignal, Body: m.body, Headers: map[dbus.HeaderField]dbus.Variant{
				dbus.FieldPath: dbus.MakeVariant(m.path), dbus.FieldInterface: dbus.MakeVariant(m.iface),
				dbus.FieldMember: dbus.MakeVariant(m.name), dbus.FieldDestination: dbus.MakeVariant(name),
			}}
			if len(m.body) > 0 {
				message.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(m.body...))
			}
			if call := stranger.Send(message, nil); call != nil && call.Err != nil {
				t.Fatal(call.Err)
			}
		}
	}
	if err := stranger.BusObject().Call("org.freedesktop.DBus.ListNames", 0).Store(&names); err != nil { // the bus has passed them on by then
		t.Fatal(err)
	}
	l.wantCalls(t, calls)
}
