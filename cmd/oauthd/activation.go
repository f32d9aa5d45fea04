package main

import (
	"context"
	"fmt"
	"os"

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

// passedSocket returns the socket that this process was given: by the program that it was before an upgrade, as fd, or by
// systemd (sd_listen_fds(3)). It is nil if there is none, and trusted no more than a path is.
func passedSocket(fd uint) (*os.File, error) {
	files := activation.Files(true)
	if fd != 0 {
		if f := inherited(fd); f != nil {
			return f, nil
		}
		return nil, badRequest(fmt.Sprintf("there is no descriptor %d", fd), "--listen-fd is for oauthd's own use")
	}
	switch len(files) {
	case 0:
		return nil, nil
	case 1:
		return files[0], nil
	}
	return nil, badRequest(fmt.Sprintf("systemd passes %d sockets, and the daemon listens on one", len(files)),
		"remove the other ListenStream= lines from oauthd.socket")
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
