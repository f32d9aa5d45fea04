package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"sync"
	"time"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
	"oauthd/ipc/client"
)

// loginView shows one login to the person at the terminal.
type loginView struct {
	std    stdio
	name   string
	client *client.Client
	ctx    context.Context // the login's own
	// noBrowser and printURL are the flags; headless says why no browser can be opened here, "" when one can.
	noBrowser, printURL bool
	headless            string
	deadline            time.Time
	// interrupt ends the login, for a terminal that does not send the signal itself.
	interrupt context.CancelFunc

	wait     *waiting
	reminder *reminder // nil before the browser is asked for
	done     api.LoginEvent
}

// show shows one event. The login goes on while it waits for the browser.
func (v *loginView) show(e api.LoginEvent) error {
	if e.Event == api.EventNotice {
		v.notice(e)
		return nil
	}
	v.rest()
	switch e.Event {
	case api.EventAuthorize:
		v.authorize(e)
	case api.EventDevice:
		v.device(e)
	case api.EventDone:
		v.done = e
	}
	return nil
}

// rest ends what is shown while waiting.
func (v *loginView) rest() {
	if v.wait != nil {
		v.wait.end()
		v.wait = nil
	}
}

// authorize shows the URL, opens it if there is a browser, and else says how to reach one.
func (v *loginView) authorize(e api.LoginEvent) {
	if v.printURL {
		screen.Say(v.std.out, "%s\n", e.URL)
		return
	}
	w := v.std.err
	opened := false
	here := cmp.Or(e.ShortURL, e.URL)
	if !v.noBrowser && v.headless == "" {
		var err error
		if opened, err = openBrowser(here); err != nil {
			screen.Say(w, "oauthd: %v\n", err)
		}
	}
	switch {
	case opened:
		screen.Say(w, "Your browser opens to log in. If it does not, open this here (it works once):\n\n  %s\n\n", here)
	case v.headless == "":
		screen.Say(w, "Open this URL in a browser on this computer:\n\n  %s\n\n", e.URL)
	default:
		screen.Say(w, "No browser is opened, because %s. Open this URL where you have one:\n\n  %s\n\n", v.headless, e.URL)
		v.otherWays(e)
	}
	if e.CertificateSHA256 != "" {
		screen.Say(w, "The browser will warn of the certificate of this computer. Its SHA-256 fingerprint is\n\n  %s\n\n", e.CertificateSHA256)
	}
	v.reminder = remind(e)
	v.waitForBrowser(v.headless != "" && v.canPrompt(), e.LoginID)
}

// waitForBrowser waits, and asks for the address that the browser is sent to if it may not get here by itself.
func (v *loginView) waitForBrowser(ask bool, loginID string) {
	if ask {
		v.wait = v.promptPaste(loginID)
		return
	}
	v.wait = v.spin(waitsForBrowser)
}

// notice shows what happened while the login goes on waiting. After it, a person at a terminal is asked for the address.
func (v *loginView) notice(e api.LoginEvent) {
	var w io.Writer = v.std.err
	prompting := v.wait != nil && v.wait.prompt != nil
	if prompting {
		w = v.wait.prompt
	} else {
		v.rest()
	}
	screen.Lines(w, "warning: ", e.Message)
	screen.Lines(w, "hint: ", e.Hint)
	if !prompting {
		v.waitForBrowser(v.canPrompt(), e.LoginID)
	}
}

// otherWays says how the answer of a browser on another machine gets here.
func (v *loginView) otherWays(e api.LoginEvent) {
	w := v.std.err
	if u, err := url.Parse(e.RedirectURI); err == nil && u.Port() != "" {
		screen.Say(w, "If that is on another machine, forward the port from there first:\n\n  ssh -L %s:127.0.0.1:%s %s\n\n",
			u.Port(), u.Port(), sshTarget(os.Getenv))
	}
	fmt.Fprint(w, "Or agree in the browser, and when it cannot open the page it is sent to, copy that page's address.\n")
	if !v.canPrompt() {
		fmt.Fprintf(w, "Then, here in another terminal: oauthd login %s --paste ADDRESS\n", v.name)
	}
	fmt.Fprintln(w)
}

// canPrompt reports whether somebody sees a prompt and can answer it.
func (v *loginView) canPrompt() bool {
	return screen.IsTerminal(v.std.in) && screen.IsTerminal(v.std.err)
}

// device shows the code, its URL, and the words that protect against a code somebody else asked for.
func (v *loginView) device(e api.LoginEvent) {
	w := v.std.err
	if v.headless != "" {
		fmt.Fprintf(w, "No browser is opened, because %s. Use one on any device:\n\n", v.headless)
	} else {
		fmt.Fprint(w, "Use a browser on any device:\n\n")
	}
	const below = 12 // lines: what follows the code, and what precedes it
	if d := screen.DisplayOf(w); d.Columns > 0 {
		if address := cmp.Or(e.VerificationURIComplete, e.VerificationURI); checkWebURL(address) == nil {
			screen.QR(w, address, d.Columns, d.Rows-below)
		}
	}
	fmt.Fprint(w, "This code is for you alone: you asked for it here, on this machine. Give it to\n"+
		"nobody, and never enter a code that somebody sent you: it would log them in as\nyou.\n\n")
	screen.Say(w, "  1. open   %s\n  2. enter  %s\n\n", e.VerificationURI, screen.Styled(screen.Bold, api.Excerpt(e.UserCode)))
	if e.ExpiresAt != nil && e.ExpiresAt.Before(v.deadline) {
		v.deadline = *e.ExpiresAt
	}
	v.wait = v.spin("Waiting for you to agree there; Ctrl-C gives up.")
}

// result prints what a login that is done came to: the result to stdout, unless that was for the URL.
func (v *loginView) result() {
	out := v.std.out
	if v.printURL {
		out = v.std.err
	}
	provider := api.Excerpt(v.done.Provider)
	switch who := api.Excerpt(cmp.Or(v.done.Email, v.done.Subject)); {
	case v.done.Grant == "authorization_code" || v.done.Grant == "device_code":
		screen.Say(out, "%s: logged in as %s at %s\n", v.name, cmp.Or(who, "somebody whom the provider does not name"), provider)
	case who != "":
		screen.Say(out, "%s: %s gives tokens to %s\n", v.name, provider, who)
	default:
		screen.Say(out, "%s: %s gives tokens\n", v.name, provider)
	}
	if len(v.done.ScopesGranted) > 0 {
		screen.Say(out, "granted: %s\n", screen.Excerpts(v.done.ScopesGranted))
	}
	for _, warning := range v.done.Warnings {
		screen.Say(v.std.err, "warning: %s\n", api.Lines(warning))
	}
}

// waiting is what a terminal shows while a login waits for its person.
type waiting struct {
	once    sync.Once
	stop    chan struct{}
	stopped chan struct{}
	prompt  io.Writer // writes above the prompt; nil for a spinner
}

const waitsForBrowser = "Waiting for the browser; Ctrl-C gives up."
