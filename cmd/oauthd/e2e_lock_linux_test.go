package main

import (
	"os"
	"strings"
	"testing"

	"oauthd/ipc/api"
	"oauthd/keystore/storetest"

	"github.com/godbus/dbus/v5"
)

// loginSession is what systemd-logind shows of one session of ours.
type loginSession struct{ conn *dbus.Conn }

const loginSessionPath = dbus.ObjectPath("/org/freedesktop/login1/session/_31")

func newLoginSession(t *testing.T, address string) *loginSession {
	t.Helper()
	conn, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	s := &loginSession{conn}
	if err := conn.Export(s, loginSessionPath, "org.freedesktop.DBus.Properties"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.RequestName("org.freedesktop.login1", dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	return s
}

// Get is org.freedesktop.DBus.Properties', of the session's User.
func (s *loginSession) Get(_, _ string) (dbus.Variant, *dbus.Error) {
	return dbus.MakeVariant(struct {
		UID  uint32
		Path dbus.ObjectPath
	}{uint32(os.Getuid()), "/org/freedesktop/login1/user/self"}), nil
}

// testLocksItself has the screen locked, and then has nobody ask for a token.
func testLocksItself(t *testing.T, h *house) {
	t.Parallel()
	p, _, _ := newDeskOfOne(t, h, nil, "work")
	p.run("stop")
	address := storetest.StartBus(t)
	s := newLoginSession(t, address)
	p.env = append(p.env, "DBUS_SYSTEM_BUS_ADDRESS="+address)
	p.write(t, ".config/oauthd/config.toml", "[keystore]\nbackend = \"memory\"\n[lock]\non_screen_lock = true\n")
	if r := p.runWith([]string{"BROWSER=" + h.agent + " allow %s"}, "login", "work"); r.exit != 0 {
		t.Fatalf("login: got exit %d, %s", r.exit, r.stderr)
	}
	locked := func() bool { return p.status(t).Store.State == "locked" }
	if r := p.run("token", "work"); r.exit != 0 || locked() {
		t.Fatalf("before: got exit %d, %s", r.exit, r.stderr)
	}
	if !poll(func() bool { // until the daemon listens
		if err := s.conn.Emit(loginSessionPath, "org.freedesktop.login1.Session.Lock"); err != nil {
			t.Fatal(err)
		}
		return locked()
	}) {
		t.Fatal("the screen is locked, and oauthd is not")
	}
	if r := p.run("token", "work"); r.exit != api.Locked.ExitStatus() || r.stdout != "" {
		t.Errorf("locked: got exit %d, %d bytes, want %d", r.exit, len(r.stdout), api.Locked.ExitStatus())
	}
	p.write(t, ".config/oauthd/config.toml", "[keystore]\nbackend = \"memory\"\n[lock]\nidle = \"1s\"\n")
	for _, verb := range []string{"reload", "unlock"} {
		if r := p.run(verb); r.exit != 0 {
			t.Fatalf("%s: got exit %d, %s", verb, r.exit, r.stderr)
		}
	}
	if !poll(locked) {
		t.Error("nobody asks, and oauthd does not lock")
	}
	r := p.run("audit", "--json")
	for _, why := range []string{"the screen was locked", "no token was asked for in 1s"} {
		if !strings.Contains(r.stdout, `"detail":"`+why+`"`) {
			t.Errorf("audit: got %s%s, want %q", r.stdout, r.stderr, why)
		}
	}
}
