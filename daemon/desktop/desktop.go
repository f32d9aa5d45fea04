// Package desktop reaches the session of the person that the daemon works for: it shows notifications
// (org.freedesktop.Notifications) and opens web pages (org.freedesktop.portal.OpenURI). Each call has a connection of its
// own to the session bus, so that a bus that hangs or restarts holds up nobody else.
package desktop

import (
	"errors"

	"oauthd/daemon/attend"
)

// ErrNoActions means that the desktop shows notifications without buttons, so that it can ask nothing.
var ErrNoActions = errors.New("desktop: its notifications have no buttons")

// Desktop is the session behind a session bus. It is safe for concurrent use.
type Desktop struct {
	// Address is that of the session bus.
	Address string
	// Opener opens a web page with a program, in an environment with the session's variables in it. It is used if there is
	// no portal.
	Opener func(url string, environ []string) error
	// Env is the environment of such a program, before the session's own variables.
	Env []string
}

var _ attend.Desktop = (*Desktop)(nil)
