package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"oauthd/keystore/storetest"

	"github.com/creack/pty"
)

// wantSent waits until the server has taken a message with that subject last, and checks that no token was refused.
func (m *mailbox) wantSent(t *testing.T, subject string) {
	t.Helper()
	sent := func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return len(m.received) > 0 && strings.Contains(m.received[len(m.received)-1], "Subject: "+subject+"\r\n")
	}
	if !poll(sent) {
		t.Errorf("the server has no message %q", subject)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refused > 0 {
		t.Errorf("the servers refused %d tokens", m.refused)
	}
}

// reader is a mail program at a terminal.
type reader struct {
	keyboard io.Writer
	screen   transcript
	typed    int // how long the transcript was when something was typed last
}

// read starts a mail program.
func (m *mailbox) read(t *testing.T, argv ...string) *reader {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = m.desk.dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + m.desk.dir, "XDG_CONFIG_HOME=" + m.desk.dir, "TERM=xterm", "EDITOR=true",
		"OAUTHD_SOCK=" + m.desk.socket(), "OAUTHD_NO_AUTOSTART=1", "SSL_CERT_FILE=" + m.ca, "GORACE=" + os.Getenv("GORACE"),
	}
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	r := &reader{keyboard: terminal}
	copied := make(chan struct{})
	go func() { defer close(copied); _, _ = io.Copy(&r.screen, terminal) }()
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		_ = terminal.Close()
		<-copied
	})
	return r
}

// shows waits until text is on the screen, since something was typed last.
func (r *reader) shows(t *testing.T, text string) {
	t.Helper()
	if !poll(func() bool { return strings.Contains(r.screen.String()[r.typed:], text) }) {
		t.Fatalf("the screen has no %q, but %q", text, r.screen.String())
	}
}

func (r *reader) types(t *testing.T, keys string) {
	t.Helper()
	r.typed = len(r.screen.String())
	if _, err := io.WriteString(r.keyboard, keys); err != nil {
		t.Fatal(err)
	}
}

// neomutt shows a message of the IMAP server, and sends one, by both mechanisms, before and after the token was replaced.
func TestNeomutt(t *testing.T) {
	storetest.Need(t, "neomutt")
	m := newMailbox(t)
	inbox := "imaps://ada%40example.com@127.0.0.1:" + port(t, m.imaps) + "/INBOX"
	for _, mechanism := range []string{"oauthbearer", "xoauth2"} {
		t.Run(mechanism, func(t *testing.T) {
			rc := m.write(t, "neomuttrc", recipe(t, "neomutt", "oauthbearer:xoauth2", mechanism)+
				"set from = ada@example.com\nset smtp_url = smtps://ada%40example.com@127.0.0.1:"+port(t, m.smtps)+
				"\nset folder = "+inbox+"\nset certificate_file = "+m.ca+"\n")
			message := m.write(t, "message", "hello\n")
			for _, when := range []string{"before", "after"} {
				m.read(t, "neomutt", "-n", "-F", rc, "-f", inbox).shows(t, "hello")
				subject := mechanism + " " + when
				exit, stdout, stderr := m.desk.run(t, []string{"OAUTHD_SOCK=" + m.desk.socket(), "TERM=xterm"},
					"sh", "-c", "neomutt -n -F "+rc+" -s '"+subject+"' bob@example.com <"+message)
				if exit != 0 {
					t.Fatalf("got exit %d, %s%s", exit, stdout, stderr)
				}
				m.wantSent(t, subject)
				m.desk.replace(t, "mail")
			}
		})
	}
}

// aerc does the same.
func TestAerc(t *testing.T) {
	storetest.Need(t, "aerc")
	m := newMailbox(t)
	for _, mechanism := range []string{"oauthbearer", "xoauth2"} {
		t.Run(mechanism, func(t *testing.T) {
			if err := os.MkdirAll(filepath.Join(m.desk.dir, "aerc"), 0o700); err != nil {
				t.Fatal(err)
			}
			m.write(t, "aerc/accounts.conf", recipe(t, "aerc", "imap.gmail.com", "127.0.0.1:"+port(t, m.imaps),
				"smtp.gmail.com", "127.0.0.1:"+port(t, m.smtps), "oauthbearer", mechanism))
			r := m.read(t, "aerc")
			r.shows(t, "hello")
			for _, when := range []string{"before", "after"} {
				subject := mechanism + " " + when
				r.types(t, ":compose -H 'To: bob@example.com' -H 'Subject: "+subject+"'\r")
				r.shows(t, "Send this email?")
				r.types(t, "y")
				m.wantSent(t, subject)
				m.desk.replace(t, "mail")
			}
		})
	}
}
