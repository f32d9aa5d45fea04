package machine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

const (
	login1     = "org.freedesktop.login1"
	login1Path = dbus.ObjectPath("/org/freedesktop/login1")
	manager    = login1 + ".Manager"
	session    = login1 + ".Session"
	properties = "org.freedesktop.DBus.Properties"

	// logindPatience is how long logind may take for one answer.
	logindPatience = 5 * time.Second
)

// WatchLogind calls the functions of l until ctx ends, one after another. The error says why logind is not, or no longer,
// reached, as on a machine without a system bus; a suspend is noticed without it too, only later.
func WatchLogind(ctx context.Context, l Logind) error {
	conn, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("machine: the system bus: %w", err)
	}
	defer conn.Close()
	signals := make(chan *dbus.Signal, 8)
	conn.Signal(signals)
	for _, match := range [][]dbus.MatchOption{
		{dbus.WithMatchInterface(manager), dbus.WithMatchMember("PrepareForSleep")},
		{dbus.WithMatchInterface(manager), dbus.WithMatchMember("SessionNew")},
		{dbus.WithMatchInterface(manager), dbus.WithMatchMember("SessionRemoved")},
		{dbus.WithMatchInterface(session), dbus.WithMatchMember("Lock")},
		{dbus.WithMatchInterface(properties), dbus.WithMatchMember("PropertiesChanged"), dbus.WithMatchArg(0, session)},
	} {
		if err := conn.AddMatchSignalContext(ctx, append(match, dbus.WithMatchSender(login1))...); err != nil {
			return fmt.Errorf("machine: listen to logind: %w", err)
		}
	}
	w := &logindWatch{Logind: l, conn: conn}
	defer w.proceed()
	w.delay(ctx)
	w.count(ctx)
	for {
		select {
		case s, ok := <-signals:
			if !ok {
				return errors.Join(errors.New("machine: the system bus is gone"), ctx.Err())
			}
			w.take(ctx, s)
		case <-ctx.Done():
			return nil
		}
	}
}

// logindWatch is one connection to logind.
type logindWatch struct {
	Logind
	conn     *dbus.Conn
	waiting  *os.File // while it is open, logind delays a suspend; nil if it does not
	sessions int      // that the person had when they were counted last
}

// take does what a signal of logind's asks for.
func (w *logindWatch) take(ctx context.Context, s *dbus.Signal) {
	switch s.Name {
	case manager + ".PrepareForSleep":
		if len(s.Body) != 1 || s.Sender != w.owner(ctx) {
			return
		}
		switch s.Body[0] {
		case true:
			call(w.Suspending)
			w.proceed()
		case false:
			w.delay(ctx)
			call(w.Resumed)
		}
	case manager + ".SessionNew", manager + ".SessionRemoved":
		w.count(ctx)
	case session + ".Lock":
		if s.Sender == w.owner(ctx) && w.ours(ctx, s.Path) {
			call(w.ScreenLocked)
		}
	case properties + ".PropertiesChanged":
		if len(s.Body) < 2 || s.Sender != w.owner(ctx) || !w.ours(ctx, s.Path) {
			return
		}
		// Desktops that lock by themselves say so here, and not by Lock.
		if changed, ok := s.Body[1].(map[string]dbus.Variant); ok && changed["LockedHint"].Value() == true {
			call(w.ScreenLocked)
		}
		w.count(ctx) // one that ends, and whose last process does not, is not removed
	}
}

// owner is logind's name on the bus. A signal that somebody sends to this connection alone is not held back by what the
// connection listens to.
func (w *logindWatch) owner(ctx context.Context) (name string) {
	_ = w.ask(ctx, w.conn.BusObject(), "org.freedesktop.DBus.GetNameOwner", []any{login1}, &name)
	return name
}

// ours reports whether a session is the person's.
func (w *logindWatch) ours(ctx context.Context, path dbus.ObjectPath) bool {
	user, _ := w.property(ctx, path, "User").([]any)
	return len(user) == 2 && user[0] == uint32(w.UID)
}

// count counts the sessions in which the person has logged in and not yet out.
func (w *logindWatch) count(ctx context.Context) {
	var all []struct {
		ID   string
		UID  uint32
		User string
		Seat string
		Path dbus.ObjectPath
	}
	if w.ask(ctx, w.conn.Object(login1, login1Path), manager+".ListSessions", nil, &all) != nil {
		return
	}
	n := 0
	for _, s := range all {
		if s.UID != uint32(w.UID) {
			continue
		}
		// Others are those of cron, of greeters, and of the person's service manager.
		class, _ := w.property(ctx, s.Path, "Class").(string)
		if strings.HasPrefix(class, "user") && w.property(ctx, s.Path, "State") != "closing" {
			n++
		}
	}
	if n == 0 && w.sessions > 0 {
		call(w.SessionsEnded)
	}
	w.sessions = n
}

// delay has logind wait before the next suspend, if that is wanted.
func (w *logindWatch) delay(ctx context.Context) {
	if w.waiting != nil || w.Delay == nil || !w.Delay() {
		return
	}
	var fd dbus.UnixFD
	args := []any{"sleep", "oauthd", "locks before the machine sleeps", "delay"}
	if w.ask(ctx, w.conn.Object(login1, login1Path), manager+".Inhibit", args, &fd) == nil {
		unix.CloseOnExec(int(fd)) // a child would go on with the delay
		w.waiting = os.NewFile(uintptr(fd), "inhibitor")
	}
}

// proceed lets a suspend begin.
func (w *logindWatch) proceed() {
	if w.waiting != nil {
		_ = w.waiting.Close()
		w.waiting = nil
	}
}

// property returns a property of a session; nil if there is none.
func (w *logindWatch) property(ctx context.Context, path dbus.ObjectPath, name string) any {
	var v dbus.Variant
	if w.ask(ctx, w.conn.Object(login1, path), properties+".Get", []any{session, name}, &v) != nil {
		return nil
	}
	return v.Value()
}

func (w *logindWatch) ask(ctx context.Context, object dbus.BusObject, method string, args []any, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, logindPatience)
	defer cancel()
	return object.CallWithContext(ctx, method, dbus.FlagNoAutoStart, args...).Store(answer)
}

func call(f func()) {
	if f != nil {
		f()
	}
}
