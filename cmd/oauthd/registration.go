package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
)

// reminderDelay is how long a person has the browser to themselves before the terminal says what may be wrong.
const reminderDelay = 15 * time.Second

// reminder says once, some time after the browser was opened, what a login waits for. A provider that does not know the
// client or its redirect URI says so on a page of its own, and never sends the browser back.
type reminder struct {
	due  <-chan time.Time // nil if there is nothing to say
	sent api.LoginEvent   // the authorize event
}

func remind(sent api.LoginEvent) *reminder {
	if sent.Registration == nil {
		return &reminder{}
	}
	return &reminder{time.After(reminderDelay), sent}
}

// print prints the reminder, which is then no longer due.
func (r *reminder) print(w io.Writer) {
	r.due = nil
	at := r.sent.Registration
	screen.Say(w, "Still waiting for %s to send the browser back. If it shows an error instead,\n"+
		"compare what was sent with the client's registration:\n\n", at.Provider)
	printRegistration(w, *at, r.sent.RedirectURI)
	fmt.Fprintln(w)
}

// printRegistration prints what a client must be registered with; sent is the redirect URI of a login, "" for none.
func printRegistration(w io.Writer, r api.Registration, sent string) {
	const format = "  %-14s %s\n"
	if sent != "" {
		screen.Say(w, format, "redirect URI", sent)
	}
	if sent != r.RedirectURI {
		screen.Say(w, format, "to register", r.RedirectURI)
	}
	if r.ClientID != "" {
		screen.Say(w, format, "client id", r.ClientID)
	}
	if r.URL != "" {
		screen.Say(w, format, "registered at", r.URL)
	}
	if r.DocsURL != "" {
		screen.Say(w, format, "explained at", r.DocsURL)
	}
	if len(r.Steps) == 0 {
		return
	}
	fmt.Fprintln(w)
	printSteps(w, r.Steps)
}

// printSteps prints numbered sentences, none of them wider than 80 columns if it has blanks.
func printSteps(w io.Writer, steps []string) {
	const columns = 80
	for i, step := range steps {
		label := fmt.Sprintf("  %d. ", i+1)
		for j, line := range screen.Wrap(api.Lines(step), columns-len(label)) {
			if j > 0 {
				label = strings.Repeat(" ", len(label))
			}
			fmt.Fprintln(w, label+line)
		}
	}
}
