package main

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/oauthtest"

	"github.com/creack/pty"
)

const pastePrompt = "paste the address here"

// loginAt starts a login of work without a browser.
func (s *seat) loginAt(t *testing.T, size pty.Winsize, args ...string) *program {
	t.Helper()
	return s.start(t, size, "", append([]string{"login", "work", "--issuer", s.provider.Issuer(), "--client-id", "native",
		"--scope", "openid", "--scope", "email"}, args...)...)
}

func TestPasteAtPrompt(t *testing.T) {
	const longest = 3500
	for _, tc := range []struct {
		name string
		size pty.Winsize
		long bool
	}{
		{name: "80 columns", size: pty.Winsize{Rows: 24, Cols: 80}},
		{name: "80 columns, a very long address", size: pty.Winsize{Rows: 24, Cols: 80}, long: true},
		{name: "40 columns, a very long address", size: pty.Winsize{Rows: 10, Cols: 40}, long: true},
		{name: "a window without a size", long: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newSeat(t, oauthtest.Config{})
			p := s.loginAt(t, tc.size)
			p.await(t, "No browser is opened, because there is no display")
			authorization := p.url(t)
			p.await(t, "ssh -L ", pastePrompt)
			right := s.answer(t, authorization)
			u, err := url.Parse(right)
			if err != nil {
				t.Fatal("the answer is no URL")
			}
			bad := []struct{ typed, message string }{
				{"GARBAGE", "the state is missing: the whole address is needed"},
				{strings.Replace(right, "code=", "GARBAGE=", 1), "there is no code in it"},
				{strings.Replace(right, "state=", "state=GARBAGE", 1), "it belongs to another login, or its end is cut off"},
				{authorization, "it is the address where the login starts, not the one where the browser ends"},
				{strings.Replace(right, "/callback", "/GARBAGE", 1), "it is not the address that the browser was sent back to"},
			}
			for _, b := range bad {
				p.press(t, b.typed+enter)
				p.await(t, b.message, "copy the whole address", pastePrompt)
			}
			if tc.long {
				right += "&session_state=" + strings.Repeat("x", longest-len(right)-len("&session_state="))
			}
			p.press(t, right+enter)
			p.await(t, "work: logged in as ada@example.com")
			p.wantExit(t, 0)

			screen := strings.ReplaceAll(p.screen.String(), "\r\n", "")
			for _, hidden := range []string{u.Query().Get("code"), "GARBAGE", "xxxxxxxx"} {
				if strings.Contains(screen, hidden) {
					t.Error("the screen shows what was pasted")
				}
			}
			if got, want := strings.Count(screen, pastePrompt), len(bad)+1; got != want {
				t.Errorf("got the prompt %d times, want %d: once, and after each mistake", got, want)
			}
			if exit, token, stderr := s.run(t, "", "oauthd", "token", "work"); exit != 0 || !strings.HasPrefix(token, "at-") {
				t.Errorf("oauthd token work: got exit %d, a token %t, %s", exit, strings.HasPrefix(token, "at-"), stderr)
			}
		})
	}
}

// TestPromptEnds is about what ends the prompt but a right address.
func TestPromptEnds(t *testing.T) {
	window := pty.Winsize{Rows: 24, Cols: 80}
	for _, tc := range []struct {
		name  string
		flags []string
		do    func(t *testing.T, s *seat, p *program, authorization string)
		texts []string
		exit  int
		kept  bool // the account
	}{
		{
			name: "the browser is first", exit: 0, kept: true, texts: []string{"work: logged in as ada@example.com"},
			do: func(t *testing.T, _ *seat, _ *program, authorization string) {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				if _, err := oauthtest.Follow(ctx, nil, authorization, oauthtest.Allow); err != nil {
					t.Fatal(err)
				}
			},
		},
		{
			name: "the browser is first, with half an address typed", exit: 0, kept: true, texts: []string{"work: logged in as ada@example.com"},
			do: func(t *testing.T, _ *seat, p *program, authorization string) {
				p.press(t, "http://127.0.0.1/call")
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				if _, err := oauthtest.Follow(ctx, nil, authorization, oauthtest.Allow); err != nil {
					t.Fatal(err)
				}
			},
		},
		{
			name: "Ctrl-C", exit: 130, texts: []string{"oauthd: interrupted"},
			do: func(t *testing.T, _ *seat, p *program, _ string) { p.press(t, ctrlC) },
		},
		{
			name: "Ctrl-C after half an address", exit: 130, texts: []string{"oauthd: interrupted"},
			do: func(t *testing.T, _ *seat, p *program, _ string) { p.press(t, "http://127.0.0.1/call"+ctrlC) },
		},
		{
			name: "Ctrl-D", exit: 130, texts: []string{"oauthd: interrupted"},
			do: func(t *testing.T, _ *seat, p *program, _ string) { p.press(t, ctrlD) },
		},
		{
			name: "nothing is answered and then Ctrl-C", exit: 130, texts: []string{"oauthd: interrupted"},
			do: func(t *testing.T, _ *seat, p *program, _ string) {
				p.press(t, enter)
				p.await(t, pastePrompt)
				p.press(t, ctrlC)
			},
		},
		{
			name: "Ctrl-C while the code is exchanged, which can no longer be stopped", exit: 130, kept: true,
			texts: []string{"oauthd: interrupted"},
			do: func(t *testing.T, s *seat, p *program, authorization string) {
				exchange := s.provider.Hold(oauthtest.Token)
				defer exchange.Release()
				p.press(t, s.answer(t, authorization)+enter)
				select {
				case <-exchange.Arrived:
				case <-time.After(patience):
					t.Fatal("the code is not exchanged")
				}
				if !poll(func() bool { return p.modes(t) == p.before }) {
					t.Fatal("the terminal is not given back")
				}
				p.press(t, ctrlC)
				p.await(t, "oauthd: interrupted")
				p.seen = 0
			},
		},
		{
			name: "the time is up", flags: []string{"--timeout", "1s"}, exit: 1,
			texts: []string{"oauthd: nobody finished the login within 1s", "hint: "},
			do:    func(*testing.T, *seat, *program, string) {},
		},
		{
			name: "the person denies", exit: 4, texts: []string{"oauthd: ", "denied", "hint: "},
			do: func(t *testing.T, s *seat, p *program, authorization string) {
				p.press(t, strings.Replace(s.answer(t, authorization), "code=", "error=access_denied&ignored=", 1)+enter)
			},
		},
		{
			name: "another terminal pastes it", exit: 0, kept: true, texts: []string{"work: logged in as ada@example.com"},
			do: func(t *testing.T, s *seat, _ *program, authorization string) {
				if exit, _, stderr := s.run(t, s.answer(t, authorization)+"\n", "oauthd", "login", "work", "--paste", "-"); exit != 0 {
					t.Errorf("oauthd login work --paste -: got exit %d, %s", exit, stderr)
				}
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newSeat(t, oauthtest.Config{})
			p := s.loginAt(t, window, tc.flags...)
			authorization := p.url(t)
			p.await(t, pastePrompt)
			tc.do(t, s, p, authorization)
			p.await(t, tc.texts...)
			p.wantExit(t, tc.exit)
			s.wantOver(t, authorization)
			if !tc.kept {
				s.wantNothing(t)
			} else if !poll(func() bool { return s.accountFile("work") != "" }) {
				t.Error("the account is not kept")
			}
		})
	}
}

// TestNoPromptInPipes redirects one stream: with standard error in a file nobody sees a prompt, and nobody could answer
// one without standard input.
func TestNoPromptInPipes(t *testing.T) {
	for _, redirection := range []string{"2>seen", "</dev/null 2>seen"} {
		t.Run(redirection, func(t *testing.T) {
			t.Parallel()
			s := newSeat(t, oauthtest.Config{})
			p := s.start(t, pty.Winsize{Rows: 24, Cols: 80}, redirection,
				"login", "work", "--issuer", s.provider.Issuer(), "--client-id", "native", "--scope", "openid", "--scope", "email")
			seen := func() string {
				text, _ := os.ReadFile(filepath.Join(s.dir, "seen"))
				return string(text)
			}
			const waits = "Waiting for the browser; Ctrl-C gives up.\n"
			if !poll(func() bool { return strings.HasSuffix(seen(), waits) || strings.Contains(seen(), pastePrompt) }) {
				t.Fatalf("standard error: got %q, want it to end in %q", seen(), waits)
			}
			if got := seen(); strings.ContainsAny(got, "\r\x1b") || strings.Contains(got, pastePrompt) {
				t.Errorf("standard error: got %q, want no prompt and nothing that steers a terminal", got)
			}
			if want := "oauthd login work --paste ADDRESS"; !strings.Contains(seen(), want) {
				t.Errorf("standard error: got %q, want %q in it", seen(), want)
			}
			p.press(t, ctrlC)
			p.wantExit(t, 130)
		})
	}
}
