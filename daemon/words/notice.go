package words

import "oauthd/redirect"

// Notice words what happened while a login goes on waiting for the browser, and the way out.
func (l Login) Notice(n redirect.Notice) (message, hint string) {
	paste := "oauthd login " + l.Account + " --paste ADDRESS"
	switch n {
	case redirect.NoticeTLS:
		hint = "copy the address from the browser's address bar, https and all, and pass it on: " + paste +
			"; if the redirect URI is at localhost, one at 127.0.0.1 avoids this"
	case redirect.NoticeWebPage:
		hint = "open the login in a browser tab of its own"
	case redirect.NoticeOtherUser:
		hint = "use a browser of your own user; if you did not do this, give up: somebody else has seen the URL"
	case redirect.NoticeOtherHost:
		hint = "forward the port under its own number, or copy the address from the browser's address bar and pass it on: " + paste
	}
	return string(n), hint
}
