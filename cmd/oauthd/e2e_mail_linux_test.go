//go:build linux

package main

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"oauthd/ipc/api"
	"oauthd/keystore/storetest"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// mailbox is a mail server that lets ada@example.com in with the newest token of the account mail alone.
type mailbox struct {
	desk       *clientDesk
	imap, smtp string // addresses
	// imaps and smtps are those with TLS, whose certificate is in the file ca.
	imaps, smtps, ca string

	mu       sync.Mutex // guards the fields below
	received []string
	refused  int
}

const mailUser = "ada@example.com"

func newMailbox(t *testing.T) *mailbox {
	t.Helper()
	m := &mailbox{desk: newDesktop(t)}
	m.desk.login(t, "mail")

	user := imapmemserver.NewUser(mailUser, "")
	if err := user.Create("INBOX", nil); err != nil {
		t.Fatal(err)
	}
	text := "From: bob@example.com\r\nTo: ada@example.com\r\nSubject: hello\r\nMessage-ID: <1@example.com>\r\n\r\nsaved at the server\r\n"
	if _, err := user.Append("INBOX", literal{strings.NewReader(text), int64(len(text))}, &imap.AppendOptions{Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	mail := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return &imapSession{Session: imapmemserver.NewUserSession(user), mailbox: m}, nil, nil
		},
		Caps:         imap.CapSet{imap.CapIMAP4rev1: {}, "AUTH=XOAUTH2": {}, "AUTH=OAUTHBEARER": {}, imap.CapSASLIR: {}},
		InsecureAuth: true,
		Logger:       log.New(io.Discard, "", 0),
	})
	m.imap = m.serve(t, mail.Serve, mail.Close)

	post := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &smtpSession{mailbox: m}, nil }))
	post.AllowInsecureAuth = true
	post.Domain = "localhost"
	m.smtp = m.serve(t, post.Serve, post.Close)

	web := httptest.NewTLSServer(nil) // for its certificate
	web.Close()
	m.ca = m.write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})))
	secured := func(serve func(net.Listener) error) func(net.Listener) error {
		return func(l net.Listener) error {
			return serve(tls.NewListener(l, &tls.Config{Certificates: web.TLS.Certificates}))
		}
	}
	m.imaps = m.serve(t, secured(mail.Serve), mail.Close)
	m.smtps = m.serve(t, secured(post.Serve), post.Close)
	return m
}

func (m *mailbox) serve(t *testing.T, serve func(net.Listener) error, end func() error) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- serve(l) }()
	t.Cleanup(func() { _ = end(); <-ended })
	return l.Addr().String()
}

// admit lets a user in with a token.
func (m *mailbox) admit(user, token string) error {
	newest, err := m.desk.client.Token(m.desk.ctx, api.TokenRequest{Account: "mail"})
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil || user != mailUser || token != newest.AccessToken {
		m.refused++
		return errors.New("authentication failed")
	}
	return nil
}

// mechanism is the server's side of a SASL mechanism.
func (m *mailbox) mechanism(name string, admitted func()) (sasl.Server, error) {
	admit := func(user, token string) error {
		err := m.admit(user, token)
		if err == nil {
			admitted()
		}
		return err
	}
	switch name {
	case sasl.OAuthBearer:
		return sasl.NewOAuthBearerServer(func(o sasl.OAuthBearerOptions) *sasl.OAuthBearerError {
			if admit(o.Username, o.Token) != nil {
				return &sasl.OAuthBearerError{Status: "invalid_token", Schemes: "bearer"}
			}
			return nil
		}), nil
	case "XOAUTH2":
		return xoauthServer(admit), nil
	}
	return nil, fmt.Errorf("no mechanism %q", name)
}

// xoauthServer is the server's side of Google's mechanism, which go-sasl has no more.
type xoauthServer func(user, token string) error

func (x xoauthServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if response == nil {
		return []byte{}, false, nil
	}
	fields := strings.Split(string(response), "\x01")
	if len(fields) != 4 || fields[2] != "" || fields[3] != "" {
		return nil, true, errors.New("malformed")
	}
	return nil, true, x(strings.TrimPrefix(fields[0], "user="), strings.TrimPrefix(fields[1], "auth=Bearer "))
}

// literal is a message.
type literal struct {
	io.Reader
	size int64
}

func (l literal) Size() int64 { return l.size }

type imapSession struct {
	imapserver.Session
	mailbox *mailbox
}

var _ imapserver.SessionSASL = (*imapSession)(nil)

func (s *imapSession) AuthenticateMechanisms() []string { return []string{"XOAUTH2", sasl.OAuthBearer} }

func (s *imapSession) Authenticate(name string) (sasl.Server, error) {
	return s.mailbox.mechanism(name, func() {})
}

type smtpSession struct {
	mailbox *mailbox
	in      bool
}

var _ smtp.AuthSession = (*smtpSession)(nil)

func (s *smtpSession) AuthMechanisms() []string { return []string{sasl.OAuthBearer, "XOAUTH2"} }
func (s *smtpSession) Auth(name string) (sasl.Server, error) {
	return s.mailbox.mechanism(name, func() { s.in = true })
}
func (s *smtpSession) Mail(string, *smtp.MailOptions) error {
	if !s.in {
		return smtp.ErrAuthRequired
	}
	return nil
}
func (s *smtpSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (s *smtpSession) Reset()                               {}
func (s *smtpSession) Logout() error                        { return nil }
func (s *smtpSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	s.mailbox.mu.Lock()
	defer s.mailbox.mu.Unlock()
	s.mailbox.received = append(s.mailbox.received, string(text))
	return err
}

// recipe returns a block of the page about mail, with other texts in the place of some of its own.
func recipe(t *testing.T, heading string, instead ...string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(moduleRoot(t), "cmd", "oauthd", "help", "mail.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "\n## "+heading+"\n")
	_, rest, _ = strings.Cut(rest, "\n```\n")
	block, _, found := strings.Cut(rest, "\n```")
	if !found {
		t.Fatalf("the page about mail has no block under %q", heading)
	}
	for i := 0; i < len(instead); i += 2 {
		if !strings.Contains(block, instead[i]) {
			t.Fatalf("%s: got\n%s\nwant %q in it", heading, block, instead[i])
		}
		block = strings.ReplaceAll(block, instead[i], instead[i+1])
	}
	return block + "\n"
}

func (m *mailbox) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(m.desk.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func port(t *testing.T, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	return port
}

// The recipes of the page about mail, run by the real programs, before and after the token was replaced.
func TestMailPrograms(t *testing.T) {
	m := newMailbox(t)
	env := []string{"OAUTHD_SOCK=" + m.desk.socket()}
	for _, mechanism := range []string{"oauthbearer", "xoauth2"} {
		t.Run("msmtp "+mechanism, func(t *testing.T) {
			storetest.Need(t, "msmtp")
			conf := m.write(t, "msmtprc", recipe(t, "msmtp", "smtp.gmail.com", "127.0.0.1", "port 587", "port "+port(t, m.smtp),
				"tls on", "tls off", "auth oauthbearer              # or xoauth2", "auth "+mechanism))
			message := m.write(t, "message", "Subject: "+mechanism+"\n\nhello\n")
			for range 2 {
				exit, _, stderr := m.desk.run(t, env, "sh", "-c", "msmtp -C "+conf+" -a mail bob@example.com <"+message)
				if exit != 0 {
					t.Fatalf("got exit %d, %s", exit, stderr)
				}
				m.desk.replace(t, "mail")
			}
			m.mu.Lock()
			defer m.mu.Unlock()
			if n := len(m.received); n < 2 || !strings.Contains(m.received[n-1], "Subject: "+mechanism) || m.refused > 0 {
				t.Errorf("the server received %q and refused %d, want this message and no refusal", m.received, m.refused)
			}
		})
	}
	t.Run("mbsync", func(t *testing.T) {
		storetest.Need(t, "mbsync")
		conf := recipe(t, "mbsync (isync)", "imap.gmail.com", "127.0.0.1\nPort "+port(t, m.imap), "TLSType IMAPS", "SSLType None") +
			"\nIMAPStore far\nAccount mail\n\nMaildirStore near\nPath " + m.desk.dir + "/Mail/\nInbox " + m.desk.dir +
			"/Mail/INBOX\n\nChannel all\nFar :far:\nNear :near:\nPatterns INBOX\nCreate Near\nSyncState *\n"
		if err := os.MkdirAll(filepath.Join(m.desk.dir, "Mail"), 0o700); err != nil {
			t.Fatal(err)
		}
		path := m.write(t, "mbsyncrc", conf)
		for range 2 {
			if exit, stdout, stderr := m.desk.run(t, env, "mbsync", "-c", path, "all"); exit != 0 {
				t.Fatalf("got exit %d, %s%s", exit, stdout, stderr)
			}
			m.desk.replace(t, "mail")
		}
		m.fetched(t, filepath.Join(m.desk.dir, "Mail", "INBOX", "*", "*"))
	})
	t.Run("getmail", func(t *testing.T) {
		storetest.Need(t, "getmail")
		got := filepath.Join(m.desk.dir, "got")
		conf := recipe(t, "getmail", "SimpleIMAPSSLRetriever", "SimpleIMAPRetriever", "imap.gmail.com", "127.0.0.1\nport = "+port(t, m.imap)) +
			"\n[destination]\ntype = MDA_external\npath = /usr/bin/tee\narguments = (\"" + got + "\",)\nallow_root_commands = true\n"
		path := m.write(t, "getmailrc", conf)
		if exit, stdout, stderr := m.desk.run(t, env, "getmail", "--getmaildir", m.desk.dir, "--rcfile", path); exit != 0 {
			t.Fatalf("got exit %d, %s%s", exit, stdout, stderr)
		}
		m.fetched(t, got)
	})
}

// fetched checks that the message of the server has arrived.
func (m *mailbox) fetched(t *testing.T, pattern string) {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if text, err := os.ReadFile(name); err == nil && bytes.Contains(text, []byte("saved at the server")) {
			return
		}
	}
	t.Errorf("got the files %q, want the message in one", names)
}

// What a person sees if the login has ended: the error and the way out, and no mail is lost.
func TestMailProgramWithoutALogin(t *testing.T) {
	storetest.Need(t, "msmtp")
	m := newMailbox(t)
	if _, err := m.desk.client.Logout(t.Context(), "mail"); err != nil {
		t.Fatal(err)
	}
	conf := m.write(t, "msmtprc", recipe(t, "msmtp", "smtp.gmail.com", "127.0.0.1", "port 587", "port "+port(t, m.smtp), "tls on", "tls off",
		"auth oauthbearer              # or xoauth2", "auth oauthbearer"))
	message := m.write(t, "message", "Subject: x\n\nhello\n")
	exit, _, stderr := m.desk.run(t, []string{"OAUTHD_SOCK=" + m.desk.socket()}, "sh", "-c", "msmtp -C "+conf+" -a mail bob@example.com <"+message)
	if exit == 0 || !strings.Contains(stderr, "oauthd login mail") {
		t.Errorf("got exit %d, stderr %q, want a failure that says how to log in", exit, stderr)
	}
}
