package machine

import (
	"context"

	"github.com/godbus/dbus/v5"
)

// WatchSuspend calls resumed whenever logind says that the machine has woken from a suspend (signal PrepareForSleep of
// org.freedesktop.login1.Manager), until ctx ends. Without a system bus it returns at once: a suspend is noticed
// without it too, only later.
func WatchSuspend(ctx context.Context, resumed func()) {
	const manager, member = "org.freedesktop.login1.Manager", "PrepareForSleep"
	conn, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err != nil {
		return
	}
	defer conn.Close()
	signals := make(chan *dbus.Signal, 8)
	conn.Signal(signals)
	err = conn.AddMatchSignalContext(ctx, dbus.WithMatchSender("org.freedesktop.login1"), dbus.WithMatchInterface(manager),
		dbus.WithMatchMember(member))
	if err != nil {
		return
	}
	for {
		select {
		case s, ok := <-signals:
			if !ok {
				return
			}
			if s.Name == manager+"."+member && len(s.Body) == 1 && s.Body[0] == false {
				resumed()
			}
		case <-ctx.Done():
			return
		}
	}
}
