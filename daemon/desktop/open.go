//go:build !darwin && !windows

package desktop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"oauthd/ipc/api"

	"github.com/godbus/dbus/v5"
)

// Open implements [attend.Desktop]. The daemon's own environment has no display: the portal has, and so has the service
// manager of the session.
func (d *Desktop) Open(ctx context.Context, url, activation string) error {
	conn, err := d.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	err = openByPortal(ctx, conn, url, activation)
	if err == nil {
		return nil
	}
	session, sessionErr := sessionEnvironment(ctx, conn)
	if sessionErr != nil {
		return errors.Join(err, sessionErr)
	}
	environ := slices.Concat(d.Env, session)
	if activation != "" {
		environ = append(environ, "XDG_ACTIVATION_TOKEN="+activation)
	}
	return d.Opener(url, environ)
}

func openByPortal(ctx context.Context, conn *dbus.Conn, url, activation string) error {
	options := map[string]dbus.Variant{}
	if activation != "" {
		options["activation_token"] = dbus.MakeVariant(activation)
	}
	err := bounded(ctx, func(ctx context.Context) error {
		return conn.Object(portal, portalPath).CallWithContext(ctx, openURI+".OpenURI", 0, "", url, options).Err
	})
	if err != nil {
		return fmt.Errorf("desktop: the portal: %s", api.Excerpt(err.Error()))
	}
	return nil
}

// sessionEnvironment returns the variables of the session, as systemd's user manager has them. An error means that there
// is no display.
func sessionEnvironment(ctx context.Context, conn *dbus.Conn) ([]string, error) {
	var session []string
	err := bounded(ctx, func(ctx context.Context) error {
		return conn.Object(manager, managerPath).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0,
			manager+".Manager", "Environment").Store(&session)
	})
	if err != nil {
		return nil, fmt.Errorf("desktop: the session's environment: %s", api.Excerpt(err.Error()))
	}
	if !slices.ContainsFunc(session, func(entry string) bool {
		return strings.HasPrefix(entry, "DISPLAY=") || strings.HasPrefix(entry, "WAYLAND_DISPLAY=")
	}) {
		return nil, errors.New("desktop: the session has no display")
	}
	return session, nil
}
