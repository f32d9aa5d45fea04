package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"oauthd/daemon/oauthtest"

	"github.com/creack/pty"
	"github.com/mdp/qrterminal/v3"
)

const spinner = `\r[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] `

func TestSpinner(t *testing.T) {
	for _, tc := range []struct {
		name  string
		size  pty.Winsize
		words string
	}{
		{"80 columns", pty.Winsize{Rows: 24, Cols: 80}, `Waiting for the browser; Ctrl-C gives up\. `},
		{"40 columns", pty.Winsize{Rows: 24, Cols: 40}, ``},
		{"a window without a size", pty.Winsize{}, `Waiting for the browser; Ctrl-C gives up\. `},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newSeat(t, oauthtest.Config{})
			s.env = append(s.env, "BROWSER=agent note %s "+filepath.Join(s.dir, "url"))
			p := s.loginAt(t, tc.size, "--timeout", "90s")
			p.await(t, "Your browser opens to log in.")
			authorization := p.url(t, filepath.Join(s.dir, "url"))
			for range 3 {
				p.match(t, spinner+tc.words+`1:[0-3]\d left`)
			}
			p.match(t, spinner+tc.words+`1:2\d left`)
			p.press(t, ctrlC)
			p.await(t, "oauthd: interrupted")
			p.wantExit(t, 130)
			s.wantOver(t, authorization)
			s.wantNothing(t)

			steering := regexp.MustCompile(`\x1b\[K`)
			_, frames, _ := strings.Cut(p.screen.String(), "\r\n\r\n\r")
			frames, _, _ = strings.Cut(frames, "oauthd: interrupted")
			for frame := range strings.SplitSeq(steering.ReplaceAllString(frames, ""), "\r") {
				frame = strings.TrimSuffix(frame, "^C") // the terminal's echo
				if got, most := utf8.RuneCountInString(strings.TrimSpace(frame)), int(tc.size.Cols); most > 0 && got >= most {
					t.Errorf("the spinner: got %d columns in a window of %d: %q", got, most, frame)
				}
			}
			if !strings.HasSuffix(frames, "\r\x1b[K") {
				t.Errorf("the spinner: got %q at its end, want it taken off", frames[max(0, len(frames)-60):])
			}
		})
	}
}

// A picture that does not fit would push the address off the screen.
func TestDeviceCodeAtSmallTerminal(t *testing.T) {
	s := newSeat(t, oauthtest.Config{Device: true, DeviceInterval: time.Second})
	p := s.start(t, pty.Winsize{Rows: 24, Cols: 80}, "", "login", "work", "--issuer", s.provider.Issuer(), "--client-id", "native", "--scope", "openid")
	p.await(t, "because there is no display", "never enter a", "1. open   "+s.provider.Issuer()+"/device", "2. enter  ", "Waiting for you to agree there")
	shown := p.shown()
	if n := strings.Count(shown, "\n"); n > 23 || strings.ContainsAny(shown, "█▀▄") {
		t.Errorf("got %d lines, want no picture and all on one screen:\n%s", n, shown)
	}
	p.press(t, ctrlC)
	p.wantExit(t, 130)
}

func TestDeviceCodeAtTerminal(t *testing.T) {
	for _, tc := range []struct {
		name        string
		redirection string
		decide      func(*oauthtest.Running, string) error
		says        string
		exit        int
	}{
		{"allowed", "", func(r *oauthtest.Running, code string) error { return r.ApproveDevice(code) }, "work: logged in as ada@example.com", 0},
		{"denied", "", func(r *oauthtest.Running, code string) error { return r.DenyDevice(code) }, "oauthd: the login was denied", 4},
		{"given up", "", nil, "oauthd: interrupted", 130},
		{"nobody reads standard error", "2>seen", func(r *oauthtest.Running, code string) error { return r.ApproveDevice(code) }, "work: logged in as ada@example.com", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newSeat(t, oauthtest.Config{Device: true, DeviceInterval: time.Second})
			p := s.start(t, pty.Winsize{Rows: 50, Cols: 80}, tc.redirection,
				"login", "work", "--issuer", s.provider.Issuer(), "--client-id", "native", "--scope", "openid", "--scope", "email")
			if !poll(func() bool { return len(s.provider.WaitingDevices()) == 1 }) {
				t.Fatalf("no device waits, the screen is\n%s", p.shown())
			}
			code := s.provider.WaitingDevices()[0]
			where := s.provider.Issuer() + "/device"
			if tc.redirection == "" {
				p.await(t, "because there is no display", crlf(qr(where+"?user_code="+code)), "never enter a")
				p.await(t, "1. open   "+where, "2. enter  "+code) // last, where a person looks
				p.match(t, spinner+`Waiting for you to agree there; Ctrl-C gives up\. [45]:\d\d left`)
			}
			if tc.decide == nil {
				p.press(t, ctrlC)
			} else if err := tc.decide(s.provider, code); err != nil {
				t.Fatal(err)
			}
			p.await(t, tc.says)
			p.wantExit(t, tc.exit)
			if tc.exit != 0 {
				s.wantNothing(t)
			}
			if tc.redirection == "" {
				return
			}
			seen, err := os.ReadFile(filepath.Join(s.dir, "seen"))
			if err != nil {
				t.Fatal(err)
			}
			if strings.ContainsAny(string(seen), "\r\x1b█▀▄") || !strings.Contains(string(seen), code) {
				t.Errorf("standard error: got %q, want the code, no picture, and nothing that steers a terminal", seen)
			}
		})
	}
}

// qr is the picture that stands for text.
func qr(text string) string {
	var picture bytes.Buffer
	qrterminal.GenerateWithConfig(text, qrterminal.Config{
		Level: qrterminal.L, Writer: &picture, HalfBlocks: true, QuietZone: 2,
		BlackChar: qrterminal.BLACK_BLACK, WhiteChar: qrterminal.WHITE_WHITE,
		BlackWhiteChar: qrterminal.BLACK_WHITE, WhiteBlackChar: qrterminal.WHITE_BLACK,
	})
	return picture.String()
}

// crlf is text as a terminal shows it.
func crlf(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }
