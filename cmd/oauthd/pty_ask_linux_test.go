package main

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"oauthd/cmd/oauthd/ask"
	"oauthd/daemon/oauthtest"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// The questions of oauthd login, as they begin.
const (
	askProvider      = "Provider, or an issuer's URL [google]: "
	askClientSecrets = "Path of the client_secrets.json, or a client id [client_secret.json]: "
	askClientID      = "Client id, or nothing to have one registered: "
	askSecret        = "Client secret, if the client has one (it does not show): "
	askScopes        = "Scopes, with blanks between [openid email]: "
	askName          = "A name for the account [work]: "
	askConfirm       = "Log in now [yes]: "
)

// askingSeat has a browser that agrees to everything.
func askingSeat(t *testing.T) *seat {
	t.Helper()
	s := newSeat(t, oauthtest.Config{Registration: true})
	s.env = append(s.env, "BROWSER=agent allow")
	return s
}

// clientFile writes a sample of testdata/client_secrets for the seat's provider.
func (s *seat) clientFile(t *testing.T, sample, file string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "testdata", "client_secrets", sample))
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, file, os.Expand(string(text), func(name string) string {
		switch name {
		case "PORT":
			return s.provider.URL[strings.LastIndexByte(s.provider.URL, ':')+1:]
		case "SECRET":
			return s.secret
		}
		return ""
	}))
}

// answers goes through questions, each answered with a line.
func (p *program) answers(t *testing.T, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		p.await(t, pairs[i])
		if pairs[i] == askSecret {
			p.hides(t)
		}
		p.press(t, pairs[i+1]+enter)
	}
}

// hides waits until the terminal shows nothing of what is typed.
func (p *program) hides(t *testing.T) {
	t.Helper()
	if !poll(func() bool { return p.modes(t).Lflag&unix.ECHO == 0 }) {
		t.Fatal("the terminal shows what is typed")
	}
}

// wantSame checks that command makes the same account as the questions did.
func (s *seat) wantSame(t *testing.T, command, stdin string) {
	t.Helper()
	before := s.accountFile("work")
	if before == "" {
		t.Fatal("the questions made no account")
	}
	if exit, _, stderr := s.run(t, "", "oauthd", "account", "remove", "work"); exit != 0 || s.accountFile("work") != "" {
		t.Fatalf("oauthd account remove work: got exit %d, %s", exit, stderr)
	}
	if exit, _, stderr := s.run(t, stdin, "sh", "-c", command); exit != 0 {
		t.Fatalf("%s: got exit %d, %s", command, exit, stderr)
	}
	if after := s.accountFile("work"); after != before {
		t.Errorf("%s: got the account\n%s\nwant\n%s", command, after, before)
	}
}

func TestQuestions(t *testing.T) {
	window := pty.Winsize{Rows: 24, Cols: 80}
	for _, tc := range []struct {
		name    string
		answers func(s *seat) []string
		command func(s *seat) string
		stdin   func(s *seat) string
	}{
		{
			name: "nothing but Enter",
			answers: func(*seat) []string {
				return []string{askProvider, "", askClientSecrets, "", askScopes, "", askName, "", askConfirm, ""}
			},
			command: func(*seat) string {
				return "oauthd login work --client-secrets client_secret.json --scope openid --scope email"
			},
		},
		{
			name: "a file with a blank in its name",
			answers: func(*seat) []string {
				return []string{askProvider, "google", askClientSecrets, "it's mine.json", askScopes, "openid email calendar.read", askName, "work", askConfirm, ""}
			},
			command: func(*seat) string {
				return `oauthd login work --client-secrets 'it'\''s mine.json' --scope openid --scope email --scope calendar.read`
			},
		},
		{
			name: "an issuer, a client and its secret",
			answers: func(s *seat) []string {
				return []string{askProvider, s.provider.Issuer(), askClientID, "post", askSecret, s.secret, askScopes, " openid  email ", askName, "work", askConfirm, ""}
			},
			command: func(s *seat) string {
				return "oauthd login work --issuer " + s.provider.Issuer() + " --client-id post --client-secret-stdin --scope openid --scope email"
			},
			stdin: func(s *seat) string { return s.secret + "\n" },
		},
		{
			name: "an issuer and a client without a secret",
			answers: func(s *seat) []string {
				return []string{askProvider, s.provider.Issuer(), askClientID, "native", askSecret, "", askScopes, "", askName, "", askConfirm, ""}
			},
			command: func(s *seat) string {
				return "oauthd login work --issuer " + s.provider.Issuer() + " --client-id native --scope openid --scope email"
			},
		},
		{
			name: "an issuer that registers a client",
			answers: func(s *seat) []string {
				return []string{askProvider, s.provider.Issuer(), askClientID, "", askScopes, "", askName, "", askConfirm, ""}
			},
			command: func(s *seat) string {
				return "oauthd login work --issuer " + s.provider.Issuer() + " --scope openid --scope email"
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := askingSeat(t)
			s.clientFile(t, "installed.json", "client_secret.json")
			s.clientFile(t, "installed.json", "it's mine.json")
			p := s.start(t, window, "", "login")
			answers := tc.answers(s)
			last := len(answers) - 2
			p.answers(t, answers[:last]...)
			p.await(t, "This login:", "account", "work", "scopes", "openid email", "stored", "only in memory", "The same in one line:")
			command := p.match(t, `\r\n  (oauthd login .*)\r\n`)[1]
			s.wantNothing(t)
			p.answers(t, answers[last:]...)
			if want := tc.command(s); command != want {
				t.Errorf("the command: got %s, want %s", command, want)
			}
			p.await(t, "work: logged in as ada@example.com", "Now use it:", "oauthd token work\r\n",
				"oauthd exec -e TOKEN=work -- CMD", "oauthd status\r\n")
			p.wantExit(t, 0)
			stdin := ""
			if tc.stdin != nil {
				stdin = tc.stdin(s)
			}
			s.wantSame(t, command, stdin)
		})
	}
}

func TestQuestionsAskAgain(t *testing.T) {
	s := askingSeat(t)
	s.clientFile(t, "installed.json", "client_secret.json")
	p := s.start(t, pty.Winsize{Rows: 24, Cols: 80}, "", "login")
	wrong := func(question string, pairs ...string) {
		t.Helper()
		for i := 0; i < len(pairs); i += 2 {
			p.await(t, question)
			p.press(t, pairs[i]+enter)
			p.await(t, pairs[i+1])
		}
	}
	wrong(askProvider,
		"gogle", `there is no provider "gogle"`,
		"ftp://login.example.com", "an issuer's URL begins with https://",
		"https://", "names no host",
		"http://login.example.com", "http:// is for this machine alone",
		"goo\u200bgle", "characters in it that do not show",
		strings.Repeat("g", ask.MaxTyped+1), "too long to be typed here",
		"https://ada@login.example.com", "has no user, query or fragment",
		"https://login.example.com/?tenant=1", "has no user, query or fragment",
	)
	p.answers(t, askProvider, "google")
	s.clientFile(t, "flat.json", "flat.json")
	s.clientFile(t, "not-json.json", "not-json.json")
	s.clientFile(t, "service-account.json", "service-account.json")
	s.write(t, "empty.json", "")
	wrong(askClientSecrets,
		"-", "give a path",
		"missing.json", "client_secrets cannot be read: open missing.json: no such file or directory",
		"home", "home is a directory, not a regular file",
		"empty.json", "empty.json is empty",
		"not-json.json", "not-json.json is no client_secrets file",
		"flat.json", "flat.json is no client_secrets file",
		"service-account.json", "service-account.json is no client_secrets file",
	)
	p.answers(t, askClientSecrets, "", askScopes, "")
	wrong(askName,
		"My Work", "account",
		"../work", "account",
		strings.Repeat("w", 64), "account",
	)
	p.answers(t, askName, "")
	wrong(askConfirm, "maybe", "answer yes or no", "", "")
	p.await(t, "work: logged in as ada@example.com")
	p.wantExit(t, 0)
}

// Lines are edited as in a shell; a secret is not in their history.
func TestQuestionsAreEdited(t *testing.T) {
	const (
		up, left, tab, back = "\x1b[A", "\x1b[D", "\t", "\x7f"
		hidden              = "hidden secret"
	)
	s := askingSeat(t)
	s.clientFile(t, "installed.json", "client_secret.json")
	if exit, _, stderr := s.run(t, "", "oauthd", "login", "work", "--client-secrets", "client_secret.json", "--scope", "openid"); exit != 0 {
		t.Fatalf("login: got exit %d, %s", exit, stderr)
	}
	p := s.start(t, pty.Winsize{Rows: 24, Cols: 80}, "", "login")
	p.await(t, "   1 google ", "3 github", "more: ? lists them")
	p.answers(t, askProvider, "?")
	p.await(t, "Who has the account", "keycloak,")
	p.answers(t, askProvider, "99") // no number of a choice
	p.await(t, "there is no provider", askProvider)
	p.press(t, "fastm"+tab+enter)
	p.await(t, "The redirect URI to register there is")
	p.answers(t, "Client id, as registered at the provider: ", "idd"+back)
	p.answers(t, "Client secret, if the client has one (it does not show): ", "?")
	p.await(t, "It goes into the store")
	p.answers(t, "Client secret, if the client has one (it does not show): ", hidden)
	p.match(t, `Scopes, with blanks between.*: `)
	p.press(t, up+"x"+left+"-"+enter) // "id" came before the secret
	p.answers(t, "A name for the account [fastmail]: ", "work")
	p.await(t, "work, which exists: it gets this provider", "client", "id, with its secret", "scopes", "id-x")
	p.answers(t, askConfirm, "?")
	p.await(t, "Nothing has been sent to the provider, or written, so far.")
	before := s.accountFile("work")
	p.answers(t, askConfirm, "no")
	p.await(t, "Nothing was sent or written.", "oauthd: interrupted")
	p.wantExit(t, 130)
	if s.accountFile("work") != before {
		t.Error("the account has changed")
	}
	if strings.Contains(p.screen.String(), hidden) {
		t.Error("the screen shows the client secret")
	}
}

func TestQuestionsChooseByNumber(t *testing.T) {
	s := askingSeat(t)
	p := s.start(t, pty.Winsize{Rows: 24, Cols: 80}, "", "login")
	p.answers(t, askProvider, "3")
	p.answers(t, "Client id, as registered at the provider: ", "id", "Client secret (it does not show): ", "hidden",
		"Scopes, with blanks between [read:user]: ", "", askName, "")
	p.await(t, "GitHub", "--provider github")
	p.answers(t, askConfirm, "n")
	p.wantExit(t, 130)
	s.wantNothing(t)
}

func TestQuestionsCompleteFiles(t *testing.T) {
	s := askingSeat(t)
	s.clientFile(t, "installed.json", "client-of-work.json")
	p := s.start(t, pty.Winsize{Rows: 24, Cols: 80}, "", "login")
	p.answers(t, askProvider, "", askClientSecrets, "client-of\t", askScopes, "", askName, "", askConfirm, "")
	p.await(t, "work: logged in as ada@example.com")
	p.wantExit(t, 0)
}

func TestQuestionsGivenUp(t *testing.T) {
	window := pty.Winsize{Rows: 24, Cols: 80}
	questions := []string{askProvider, "ISSUER", askClientID, "post", askSecret, "hidden", askScopes, "openid", askName, "", askConfirm, ""}
	for _, key := range []struct {
		name, press string
	}{
		{"Ctrl-C", ctrlC},
		{"Ctrl-D", ctrlD},
	} {
		for i := 0; i < len(questions); i += 2 {
			at, _, _ := strings.Cut(questions[i], ",")
			t.Run(key.name+" at "+strings.TrimSuffix(at, ": "), func(t *testing.T) {
				t.Parallel()
				s := askingSeat(t)
				p := s.start(t, window, "", "login")
				before := append([]string{}, questions[:i]...)
				if i > 0 {
					before[1] = s.provider.Issuer()
				}
				p.answers(t, before...)
				p.await(t, questions[i])
				if questions[i] == askSecret {
					p.hides(t)
				}
				p.press(t, key.press)
				p.await(t, "oauthd: interrupted")
				p.wantExit(t, 130)
				s.wantNothing(t)
				if strings.Contains(p.screen.String(), "hidden") {
					t.Error("the screen shows the client secret")
				}
				if got := s.provider.Requests(oauthtest.Discovery); got != 0 {
					t.Errorf("got %d requests at the provider, want none", got)
				}
			})
		}
	}
}

// TestQuestionsGoogleClientID goes no further than the questions, because Google is elsewhere.
func TestQuestionsGoogleClientID(t *testing.T) {
	s := askingSeat(t)
	p := s.start(t, pty.Winsize{Rows: 24, Cols: 80}, "", "login")
	p.answers(t, askProvider, "", askClientSecrets, "1-a.apps.googleusercontent.com", askSecret, "hidden", askScopes, "")
	p.await(t, askName)
	p.press(t, ctrlC)
	p.wantExit(t, 130)
	if strings.Contains(p.screen.String(), "hidden") {
		t.Error("the screen shows the client secret")
	}
}

func TestQuestionsNeedTerminal(t *testing.T) {
	window := pty.Winsize{Rows: 24, Cols: 80}
	for _, tc := range []struct {
		name, redirection string
		args              []string
		says              string
	}{
		{"no terminal to read from", "</dev/null", nil, "oauthd: login wants the name of an account\r\nhint: oauthd login NAME; on a terminal oauthd login asks"},
		{"no terminal to ask on", "2>&1 | cat", nil, "oauthd: login wants the name of an account\r\nhint: oauthd login NAME"},
		{"flags", "", []string{"--provider", "google"}, "oauthd: login asks only when it is given nothing\r\nhint: oauthd login NAME with the same flags"},
		{"two names", "", []string{"work", "home"}, "oauthd: login got an argument too many, \"home\"\r\nhint: oauthd login [NAME]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := askingSeat(t)
			p := s.start(t, window, tc.redirection, append([]string{"login"}, tc.args...)...)
			p.await(t, tc.says)
			want := 2
			if strings.HasSuffix(tc.redirection, "cat") {
				want = 0 // the exit status is that of cat
			}
			p.wantExit(t, want)
			if regexp.MustCompile(`A few questions`).MatchString(p.screen.String()) {
				t.Error("it asks")
			}
			s.wantNothing(t)
		})
	}
}

// A provider by name may want a tenant, a fixed redirect URI and a secret; the questions know which.
func TestQuestionsOfAProvider(t *testing.T) {
	s := askingSeat(t)
	s.write(t, filepath.Join("home", ".config", "oauthd", "config.toml"), `[keystore]
backend = "memory"
[providers.corp]
title = "Corp"
issuer = "https://{tenant}"
tenant_hint = "your host, as login.example.com"
redirect_port = "fixed"
client_secret_required = true
default_scopes = ["openid", "email"]
`)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	redirectURI := "http://" + listener.Addr().String() + "/callback"
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(s.provider.URL, "http://")
	const askRequired = "Client secret (it does not show): "
	p := s.start(t, pty.Winsize{Rows: 24, Cols: 80}, "", "login")
	p.answers(t, askProvider, "corp")
	p.await(t, "A tenant is your host, as login.example.com.")
	p.answers(t, "Tenant: ", "")
	p.await(t, "this provider needs a tenant")
	p.answers(t, "Tenant: ", host,
		"Redirect URI, as registered [http://127.0.0.1:8400/callback]: ", redirectURI,
		"Client id, as registered at the provider: ", "post")
	for _, secret := range []string{"", s.secret} {
		p.await(t, askRequired)
		p.hides(t)
		p.press(t, secret+enter)
		if secret == "" {
			p.await(t, "Corp gives no token to a client without one")
		}
	}
	p.answers(t, askScopes, "", askName, "")
	p.await(t, "oauthd login work --provider corp --tenant "+host+" --redirect-uri "+redirectURI+" --client-id post --client-secret-stdin")
	p.answers(t, askConfirm, "y")
	p.await(t, "work: logged in as ada@example.com")
	p.wantExit(t, 0)
	if exit, out, _ := s.run(t, "", "oauthd", "account", "show", "work"); exit != 0 || !strings.Contains(out, host) {
		t.Errorf("account show: got exit %d without the tenant", exit)
	}
}
