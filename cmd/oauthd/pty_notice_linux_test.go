package main

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oauthd/daemon/oauthtest"

	"github.com/creack/pty"
)

const insists = "warning: the browser insists on https, but the redirect URI is http, so no answer can arrive"

// insist does what a browser does that wants https for every address.
func insist(t *testing.T, authorizationURL string) {
	t.Helper()
	u, err := url.Parse(authorizationURL)
	if err != nil {
		t.Fatal("the authorization URL cannot be parsed")
	}
	redirectURI, err := url.Parse(u.Query().Get("redirect_uri"))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := tls.Dial("tcp", redirectURI.Host, &tls.Config{InsecureSkipVerify: true}); err == nil {
		_ = c.Close()
		t.Fatal("the redirect server speaks TLS")
	}
}

func TestBrowserThatInsistsOnHTTPS(t *testing.T) {
	for _, tc := range []struct {
		name, browser string
		before        string // on the screen
	}{
		{"a browser opened here", "BROWSER=agent note %s url", "Waiting for the browser; Ctrl-C gives up."},
		{"a browser elsewhere", "", pastePrompt},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newSeat(t, oauthtest.Config{})
			if tc.browser != "" {
				s.env = append(s.env, tc.browser)
			}
			p := s.loginAt(t, pty.Winsize{Rows: 24, Cols: 400})
			authorization := p.url(t, filepath.Join(s.dir, "url"))
			p.await(t, tc.before)
			insist(t, authorization)
			insist(t, authorization)
			p.await(t, insists, "hint: ", "oauthd login work --paste ADDRESS", pastePrompt)
			p.press(t, strings.Replace(s.answer(t, authorization), "http://", "https://", 1)+enter)
			p.await(t, "work: logged in as ada@example.com")
			p.wantExit(t, 0)
			if got := strings.Count(p.screen.String(), strings.TrimPrefix(insists, "warning: ")); got != 1 {
				t.Errorf("got the warning %d times, want it once", got)
			}
		})
	}
	t.Run("nobody at a terminal", func(t *testing.T) {
		t.Parallel()
		s := newSeat(t, oauthtest.Config{})
		p := s.start(t, pty.Winsize{Rows: 24, Cols: 80}, "2>seen >url", "login", "work", "--print-url",
			"--issuer", s.provider.Issuer(), "--client-id", "native", "--scope", "openid", "--scope", "email")
		read := func(file string) string {
			text, _ := os.ReadFile(filepath.Join(s.dir, file))
			return string(text)
		}
		if !poll(func() bool { return strings.HasSuffix(read("url"), "\n") }) {
			t.Fatalf("got no URL, but %q", read("seen"))
		}
		authorization := strings.TrimSpace(read("url"))
		insist(t, authorization)
		if !poll(func() bool { return strings.Contains(read("seen"), insists+"\nhint: ") }) {
			t.Errorf("standard error: got %q, want the warning in it", read("seen"))
		}
		if exit, _, stderr := s.run(t, s.answer(t, authorization)+"\n", "oauthd", "login", "work", "--paste", "-"); exit != 0 {
			t.Errorf("oauthd login work --paste -: got exit %d, %s", exit, stderr)
		}
		p.wantExit(t, 0)
		if got := read("url"); strings.TrimSpace(got) != authorization {
			t.Error("standard output has more than the URL")
		}
	})
}

// A terminal takes a line up to some length only; a longer answer comes by another way.
func TestAddressTooLongForATerminal(t *testing.T) {
	s := newSeat(t, oauthtest.Config{})
	p := s.loginAt(t, pty.Winsize{Rows: 24, Cols: 80})
	authorization := p.url(t)
	p.await(t, pastePrompt)
	right := s.answer(t, authorization) + "&session_state=" + strings.Repeat("x", 6000)
	p.press(t, right+enter)
	p.await(t, "it is too long to be pasted here", "oauthd login work --paste - <FILE", pastePrompt)
	if exit, _, stderr := s.run(t, right+"\n", "oauthd", "login", "work", "--paste", "-"); exit != 0 {
		t.Errorf("oauthd login work --paste -: got exit %d, %s", exit, stderr)
	}
	p.await(t, "work: logged in as ada@example.com")
	p.wantExit(t, 0)
}

// The provider will not send another answer, so nobody has to wait for the deadline.
func TestAnswerThatCannotBeUsedEndsTheLogin(t *testing.T) {
	s := newSeat(t, oauthtest.Config{})
	p := s.loginAt(t, pty.Winsize{Rows: 24, Cols: 200})
	authorization := p.url(t)
	p.await(t, pastePrompt)
	response, err := http.Get(s.answer(t, authorization) + "&code=another")
	if err != nil {
		t.Fatal(withoutURL(err))
	}
	page, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil || !strings.Contains(string(page), "The login did not complete") {
		t.Errorf("got a page of %d bytes and %v, want the failure", len(page), err)
	}
	p.await(t, "oauthd: the answer of ", " cannot be used: a parameter is in it twice", "hint: ")
	p.wantExit(t, 1)
	s.wantNothing(t)
}
