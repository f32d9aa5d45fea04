package words

import "oauthd/redirect"

// Notice words what happened while a login goes on waiting for the browser, and the way out.
func (l Login) Notice(n redirect.Notice) (message, hint string) {
	paste := "oauthd login " + l.Account + " --paste ADDRESS"
	switch n {
	case redirect.NoticeTLS:
		hint = "copy the address from the browser's address bar, https and all, and pass it on: " + paste +
			"; a redirect URI at 127.0.0.1 instead of localhost avoids this"
	case redirect.NoticeWebPage:
		hint = "log in in a browser tab of its own"
	case redirect.NoticeOtherUser:
		hint = "use a browser of your own user; if you did not do this, give up: somebody else has seen the URL"
	case redirect.NoticeOtherHost:
		hint = "forward the port under its own number, or copy the address from the browser's address bar and pass it on: " + paste
	}
	return string(n), hint
}
