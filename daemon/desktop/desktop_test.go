package desktop_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"oauthd/daemon/attend"
	"oauthd/daemon/desktop"
	"oauthd/daemon/words"
	"oauthd/keystore/storetest"

	"github.com/godbus/dbus/v5"
)

// session is a desktop session on a bus of its own: what shows notifications, and what opens pages.
type session struct {
	conn *dbus.Conn
	able []string
	// shown gets the id of each notification.
	shown chan uint32

	mu sync.Mutex // guards the fields below
	// portalRefuses makes the portal fail.
	portalRefuses bool
	environ       []string

	notes  []note
	closed []uint32
	opened []string
}

type note struct {
	summary, body string
	actions       []string
	expires       int32
}

const path = dbus.ObjectPath("/org/freedesktop/Notifications")

func newSession(t *testing.T, able ...string) (*session, *desktop.Desktop) {
	t.Helper()
	address := storetest.StartBus(t)
	conn, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	s := &session{
		conn: conn, able: able, shown: make(chan uint32, 8),
		environ: []string{"DISPLAY=:7"},
	}
	for _, object := range []struct {
		at    any
		path  dbus.ObjectPath
		iface string
		name  string
	}{
		{notifications{s}, path, "org.freedesktop.Notifications", "org.freedesktop.Notifications"},
		{portal{s}, "/org/freedesktop/portal/desktop", "org.freedesktop.portal.OpenURI", "org.freedesktop.portal.Desktop"},
		{properties{s}, "/org/freedesktop/systemd1", "org.freedesktop.DBus.Properties", "org.freedesktop.systemd1"},
	} {
		if err := conn.Export(object.at, object.path, object.iface); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.RequestName(object.name, dbus.NameFlagDoNotQueue); err != nil {
			t.Fatal(err)
		}
	}
	return s, &desktop.Desktop{Address: address, Env: []string{"PATH=/bin"}, Opener: func(url string, environ []string) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.opened = append(s.opened, url+" "+strings.Join(environ, " "))
		return nil
	}}
}

type notifications struct{ s *session }

func (n notifications) GetCapabilities() ([]string, *dbus.Error) { return n.s.able, nil }

func (n notifications) Notify(_ string, _ uint32, _, summary, body string, actions []string, _ map[string]dbus.Variant, expires int32) (uint32, *dbus.Error) {
	n.s.mu.Lock()
	n.s.notes = append(n.s.notes, note{summary, body, actions, expires})
	id := uint32(len(n.s.notes))
	n.s.mu.Unlock()
	n.s.shown <- id
	return id, nil
}

func (n notifications) CloseNotification(id uint32) *dbus.Error {
	n.s.mu.Lock()
	defer n.s.mu.Unlock()
	n.s.closed = append(n.s.closed, id)
	return nil
}

type portal struct{ s *session }

func (p portal) OpenURI(_, url string, options map[string]dbus.Variant) (dbus.ObjectPath, *dbus.Error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if p.s.portalRefuses {
		return "", dbus.MakeFailedError(errors.New("no portal today"))
	}
	token, _ := options["activation_token"].Value().(string)
	p.s.opened = append(p.s.opened, url+" by the portal "+token)
	return "/request", nil
}

type properties struct{ s *session }

func (p properties) Get(_, _ string) (dbus.Variant, *dbus.Error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return dbus.MakeVariant(p.s.environ), nil
}

// emit sends a signal about a notification.
func (s *session) emit(t *testing.T, name string, values ...any) {
	t.Helper()
	if err := s.conn.Emit(path, "org.freedesktop.Notifications."+name, values...); err != nil {
		t.Fatal(err)
	}
}

func question() words.Question {
	return words.Question{Summary: "work needs a login", Body: "Google <has> ended it", Action: "Sign in", Urgent: true}
}

func TestAsk(t *testing.T) {
	for _, test := range []struct {
		name   string
		happen func(t *testing.T, s *session, id uint32)
		want   attend.Answer
	}{
		{"the button", func(t *testing.T, s *session, id uint32) { s.emit(t, "ActionInvoked", id, "agree") }, attend.Answer{Agreed: true}},
		{"a click on the text", func(t *testing.T, s *session, id uint32) {
			s.emit(t, "ActivationToken", id, "focus")
			s.emit(t, "ActionInvoked", id, "default")
			s.emit(t, "NotificationClosed", id, uint32(2))
		}, attend.Answer{Agreed: true, Activation: "focus"}},
		{"dismissed", func(t *testing.T, s *session, id uint32) { s.emit(t, "NotificationClosed", id, uint32(2)) }, attend.Answer{}},
		{"what others are asked", func(t *testing.T, s *session, id uint32) {
			s.emit(t, "ActionInvoked", id+1, "agree")
			s.emit(t, "NotificationClosed", id, uint32(2))
		}, attend.Answer{}},
		{"another button", func(t *testing.T, s *session, id uint32) { s.emit(t, "ActionInvoked", id, "other") }, attend.Answer{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, d := newSession(t, "actions", "body", "body-markup")
			type result struct {
				answer attend.Answer
				err    error
			}
			results := make(chan result, 1)
			go func() {
				answer, err := d.Ask(t.Context(), question())
				results <- result{answer, err}
			}()
			test.happen(t, s, <-s.shown)
			if got := <-results; got.err != nil || got.answer != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			want := note{"work needs a login", "Google &lt;has&gt; ended it", []string{"default", "Sign in", "agree", "Sign in"}, 0}
			s.mu.Lock()
			defer s.mu.Unlock()
			if got := s.notes[0]; got.summary != want.summary || got.body != want.body || !slices.Equal(got.actions, want.actions) || got.expires != want.expires {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// Somebody who is on the bus cannot answer in the place of the notification server.
func TestAnswerOfAStranger(t *testing.T) {
	s, d := newSession(t, "actions", "body", "body-markup")
	stranger, err := dbus.Connect(d.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	answers := make(chan attend.Answer, 1)
	go func() {
		answer, _ := d.Ask(t.Context(), question())
		answers <- answer
	}()
	id := <-s.shown
	if err := stranger.Emit(path, "org.freedesktop.Notifications.ActionInvoked", id, "agree"); err != nil {
		t.Fatal(err)
	}
	var names []string
	if err := stranger.BusObject().Call("org.freedesktop.DBus.ListNames", 0).Store(&names); err != nil {
		t.Fatal(err)
	}
	for _, name := range names { // to each connection alone, which no match rule holds back
		message := &dbus.Message{Type: dbus.TypeSignal, Body: []any{id, "agree"}, Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldPath: dbus.MakeVariant(path), dbus.FieldInterface: dbus.MakeVariant("org.freedesktop.Notifications"),
			dbus.FieldMember: dbus.MakeVariant("ActionInvoked"), dbus.FieldDestination: dbus.MakeVariant(name),
			dbus.FieldSignature: dbus.MakeVariant(dbus.SignatureOf(id, "agree")),
		}}
		if call := stranger.Send(message, nil); call != nil && call.Err != nil {
			t.Fatal(call.Err)
		}
	}
	if err := stranger.BusObject().Call("org.freedesktop.DBus.ListNames", 0).Store(&names); err != nil { // the bus has passed them on by then
		t.Fatal(err)
	}
	s.emit(t, "NotificationClosed", id, uint32(2))
	if got := <-answers; got.Agreed {
		t.Error("the stranger's answer was taken")
	}
}

func TestQuestionIsTakenBack(t *testing.T) {
	s, d := newSession(t, "actions", "body", "body-markup")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := d.Ask(ctx, question())
		ended <- err
	}()
	id := <-s.shown
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the end of the context", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.closed, []uint32{id}) {
		t.Errorf("closed: got %v, want %v", s.closed, id)
	}
}

func TestNobodyCanBeAsked(t *testing.T) {
	t.Run("no buttons", func(t *testing.T) {
		s, d := newSession(t, "body")
		_, err := d.Ask(t.Context(), question())
		s.mu.Lock()
		defer s.mu.Unlock()
		if !errors.Is(err, desktop.ErrNoActions) || len(s.notes) != 1 || len(s.notes[0].actions) != 0 || s.notes[0].body != "Google <has> ended it" {
			t.Errorf("got %v and %+v, want the text shown without buttons", err, s.notes)
		}
	})
	t.Run("nothing shows notifications", func(t *testing.T) {
		d := &desktop.Desktop{Address: storetest.StartBus(t)}
		if _, err := d.Ask(t.Context(), question()); err == nil || !strings.HasPrefix(err.Error(), "desktop: notifications: ") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no bus", func(t *testing.T) {
		d := &desktop.Desktop{Address: "unix:path=/nonexistent/bus"}
		if _, err := d.Ask(t.Context(), question()); err == nil || !strings.HasPrefix(err.Error(), "desktop: the session bus: ") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a bus that is silent", func(t *testing.T) {
		d := &desktop.Desktop{Address: storetest.MuteBus(t)}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := d.Ask(ctx, question()); err == nil {
			t.Error("got no error")
		}
	})
}

func TestOpen(t *testing.T) {
	for _, test := range []struct {
		name    string
		refuses bool
		environ []string
		want    []string
		wantErr string
	}{
		{"by the portal", false, nil, []string{"https://login.example.com/ by the portal focus"}, ""},
		{"by the session's opener", true, []string{"LANG=C", "WAYLAND_DISPLAY=w"},
			[]string{"https://login.example.com/ PATH=/bin LANG=C WAYLAND_DISPLAY=w XDG_ACTIVATION_TOKEN=focus"}, ""},
		{"no display", true, []string{"LANG=C"}, nil, "the session has no display"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, d := newSession(t, "actions", "body", "body-markup")
			s.mu.Lock()
			s.portalRefuses, s.environ = test.refuses, test.environ
			s.mu.Unlock()
			err := d.Open(t.Context(), "https://login.example.com/", "focus")
			if test.wantErr == "" && err != nil || test.wantErr != "" && (err == nil || !strings.Contains(err.Error(), test.wantErr)) {
				t.Errorf("got %v, want %q", err, test.wantErr)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if !slices.Equal(s.opened, test.want) {
				t.Errorf("got %q, want %q", s.opened, test.want)
			}
		})
	}
}
