//go:build !darwin && !windows

package desktop

import (
	"context"
	"errors"
	"fmt"
	"html"
	"slices"
	"time"

	"oauthd/daemon/attend"
	"oauthd/daemon/words"
	"oauthd/ipc/api"

	"github.com/godbus/dbus/v5"
)

const (
	// patience is how long the bus may take for one answer.
	patience = 5 * time.Second

	notifications     = "org.freedesktop.Notifications"
	notificationsPath = "/org/freedesktop/Notifications"
	portal            = "org.freedesktop.portal.Desktop"
	portalPath        = "/org/freedesktop/portal/desktop"
	openURI           = "org.freedesktop.portal.OpenURI"
	manager           = "org.freedesktop.systemd1"
	managerPath       = "/org/freedesktop/systemd1"

	// actionDefault is what a click on the notification itself chooses (Desktop Notifications Specification).
	actionDefault = "default"
	actionAgree   = "agree"
)

// Ask implements [attend.Desktop].
func (d *Desktop) Ask(ctx context.Context, q words.Question) (answer attend.Answer, err error) {
	action, activation, err := d.put(ctx, q)
	agreed := action == actionAgree || action == actionDefault
	return attend.Answer{Agreed: agreed, Activation: activation}, err
}

// put shows q until the person has chosen an action of it, which it returns, or has dismissed it, which is "".
func (d *Desktop) put(ctx context.Context, q words.Question) (action, activation string, err error) {
	conn, err := d.connect(ctx)
	if err != nil {
		return "", "", err
	}
	defer conn.Close()
	server := notificationServer{conn.Object(notifications, notificationsPath)}
	able, err := server.capabilities(ctx)
	if err != nil {
		return "", "", err
	}
	if !slices.Contains(able, "actions") {
		return "", "", errors.Join(ErrNoActions, server.show(ctx, q, able))
	}
	signals := make(chan *dbus.Signal, 16)
	conn.Signal(signals)
	match := []dbus.MatchOption{
		dbus.WithMatchSender(notifications), dbus.WithMatchInterface(notifications), dbus.WithMatchObjectPath(notificationsPath),
	}
	if err := bounded(ctx, func(ctx context.Context) error { return conn.AddMatchSignalContext(ctx, match...) }); err != nil {
		return "", "", fmt.Errorf("desktop: listen for the answer: %w", err)
	}
	owner, err := server.owner(ctx, conn)
	if err != nil {
		return "", "", err
	}
	id, err := server.notify(context.WithoutCancel(ctx), q, able) // else one that is shown could not be taken back
	if err != nil {
		return "", "", err
	}
	action, activation, err = await(ctx, signals, owner, id)
	if err != nil {
		server.close(id)
	}
	return action, activation, err
}

// await waits for what the person does with the notification of that id, as owner reports it.
func await(ctx context.Context, signals <-chan *dbus.Signal, owner string, id uint32) (action, activation string, err error) {
	for {
		var s *dbus.Signal
		var ok bool
		select {
		case s, ok = <-signals:
		case <-ctx.Done():
			return "", activation, ctx.Err()
		}
		if !ok {
			return "", activation, errors.New("desktop: the session bus is gone")
		}
		if s.Sender != owner || len(s.Body) != 2 || s.Body[0] != id {
			continue
		}
		switch s.Name {
		case notifications + ".ActivationToken": // comes just before the action
			activation, _ = s.Body[1].(string)
		case notifications + ".ActionInvoked":
			action, _ = s.Body[1].(string)
			return action, activation, nil
		case notifications + ".NotificationClosed":
			return "", activation, nil
		}
	}
}

// Tell implements [attend.Desktop].
func (d *Desktop) Tell(ctx context.Context, n words.Question) error {
	conn, err := d.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	server := notificationServer{conn.Object(notifications, notificationsPath)}
	able, err := server.capabilities(ctx)
	if err != nil {
		return err
	}
	return server.show(ctx, n, able)
}

// connect opens a connection, which the caller closes.
func (d *Desktop) connect(ctx context.Context) (*dbus.Conn, error) {
	var conn *dbus.Conn
	err := bounded(ctx, func(ctx context.Context) error {
		var err error
		if conn, err = dbus.Dial(d.Address); err != nil {
			return err
		}
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // a bus that accepts and is silent
		defer stop()
		if err := conn.Auth(nil); err != nil {
			return errors.Join(err, conn.Close())
		}
		if err := conn.Hello(); err != nil {
			return errors.Join(err, conn.Close())
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("desktop: the session bus: %s", api.Excerpt(err.Error()))
	}
	return conn, nil
}

// bounded runs one exchange with the bus.
func bounded(ctx context.Context, exchange func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return exchange(ctx)
}

// notificationServer is what shows notifications.
type notificationServer struct{ object dbus.BusObject }

func (s notificationServer) capabilities(ctx context.Context) (able []string, err error) {
	err = bounded(ctx, func(ctx context.Context) error {
		return s.object.CallWithContext(ctx, notifications+".GetCapabilities", 0).Store(&able)
	})
	if err != nil {
		return nil, fmt.Errorf("desktop: notifications: %s", api.Excerpt(err.Error()))
	}
	return able, nil
}

// owner returns the server's name on the bus. Only its signals are answers: the program that asks for a token could send
// one to our connection alone, which the bus delivers whatever the connection listens to.
func (s notificationServer) owner(ctx context.Context, conn *dbus.Conn) (name string, err error) {
	err = bounded(ctx, func(ctx context.Context) error {
		return conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetNameOwner", 0, notifications).Store(&name)
	})
	if err != nil {
		return "", fmt.Errorf("desktop: notifications: %s", api.Excerpt(err.Error()))
	}
	return name, nil
}

func (s notificationServer) show(ctx context.Context, q words.Question, able []string) error {
	q.Action, q.Choices = "", nil
	_, err := s.notify(ctx, q, able)
	return err
}

func (s notificationServer) notify(ctx context.Context, q words.Question, able []string) (id uint32, err error) {
	body := q.Body
	if slices.Contains(able, "body-markup") {
		body = html.EscapeString(body)
	}
	actions := []string{}
	if q.Action != "" {
		actions = []string{actionDefault, q.Action, actionAgree, q.Action}
	}
	for _, choice := range q.Choices {
		actions = append(actions, choice.ID, choice.Text)
	}
	expires := int32(-1) // as the desktop likes
	if q.Urgent {
		expires = 0 // never
	}
	hints := map[string]dbus.Variant{
		"urgency": dbus.MakeVariant(byte(1)), "category": dbus.MakeVariant("network"), "desktop-entry": dbus.MakeVariant("oauthd"),
	}
	err = bounded(ctx, func(ctx context.Context) error {
		return s.object.CallWithContext(ctx, notifications+".Notify", 0,
			"oauthd", uint32(0), "dialog-password", q.Summary, body, actions, hints, expires).Store(&id)
	})
	if err != nil {
		return 0, fmt.Errorf("desktop: show a notification: %s", api.Excerpt(err.Error()))
	}
	return id, nil
}

// close takes a notification back. Nobody waits for that, nor minds if it fails.
func (s notificationServer) close(id uint32) {
	_ = bounded(context.Background(), func(ctx context.Context) error {
		return s.object.CallWithContext(ctx, notifications+".CloseNotification", 0, id).Err
	})
}

// choose shows q and returns the choice that the person made, "" for none.
func (d *Desktop) choose(ctx context.Context, q words.Question) (string, error) {
	choice, _, err := d.put(ctx, q)
	return choice, err
}
