package main

import (
	"context"
	"fmt"
	"slices"

	"oauthd/cmd/oauthd/process"
	"oauthd/cmd/oauthd/units"
	"oauthd/ipc/api"

	"github.com/coreos/go-systemd/v22/activation"
	sd "github.com/coreos/go-systemd/v22/daemon"
)

// The states that a service manager gets (sd_notify(3)).
const (
	listening = sd.SdNotifyReady
	stopping  = sd.SdNotifyStopping
)

// tellManager passes a state on to the service manager that waits for it, if there is one.
func tellManager(state string) { _, _ = sd.SdNotify(false, state) }

// passedSockets returns the sockets that this process was given: by the program that it was before an upgrade, as
// descriptors, or by systemd (sd_listen_fds(3)). They are trusted no more than a path is.
func passedSockets(o serveOptions) (s sockets, err error) {
	files := activation.Files(true)
	for _, one := range []struct {
		fd   uint
		flag string
		to   *handed
	}{{o.listenFD, "--listen-fd", &s.own}, {o.oidcListenFD, "--oidc-listen-fd", &s.oidcAgent}} {
		if one.fd == 0 {
			continue
		}
		f := process.Inherited(one.fd)
		if f == nil {
			return sockets{}, badRequest(fmt.Sprintf("there is no descriptor %d", one.fd), one.flag+" is for oauthd's own use")
		}
		*one.to = handed{f, !slices.Contains(o.heldFDs, one.fd)}
	}
	for _, f := range files {
		to := &s.own
		if f.Name() == units.OIDCAgentName {
			to = &s.oidcAgent
		}
		if to.file != nil {
			return sockets{}, badRequest(fmt.Sprintf("systemd passes %d sockets, and the daemon listens on one, and on one named %s", len(files), units.OIDCAgentName),
				"remove the other ListenStream= lines from oauthd.socket")
		}
		to.file = f
	}
	return s, nil
}

// whenReady returns what is to be called when the daemon listens, or will never listen: the client that started it and
// the service manager hear of it.
func whenReady(fd uint) func(api.Status, error) {
	tell := announce(fd)
	return func(s api.Status, err error) {
		if err == nil && s.PID != 0 {
			tellManager(listening)
		}
		tell(s, err)
	}
}

// sayGoodbye reports the end of the daemon to the service manager, when ctx does, unless another one follows in this process.
func sayGoodbye(ctx context.Context, follows func() bool) {
	<-ctx.Done()
	if follows == nil || !follows() {
		tellManager(stopping)
	}
}
