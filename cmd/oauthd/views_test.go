package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
	"oauthd/ipc/api/apitest"
	"oauthd/ipc/client"

	"github.com/rs/zerolog"
)

// A token is a result: it goes out byte by byte, whatever it is made of.
func TestTokenIsPrintedAsItIs(t *testing.T) {
	const token = "ya29.a~b+c/=\t"
	for format, want := range map[string]string{"raw": token + "\n", "header": "Authorization: Bearer " + token + "\n"} {
		var got bytes.Buffer
		text, err := api.Form{Format: format}.Text(api.Token{AccessToken: token, TokenType: "Bearer"})
		if err != nil {
			t.Fatal(err)
		}
		if err := printToken(screen.On(&got), text); err != nil {
			t.Fatal(err)
		}
		if got.String() != want {
			t.Errorf("%s: got %q, want %q", format, got.String(), want)
		}
	}
}

func TestWebURL(t *testing.T) {
	for _, test := range []struct {
		name, url string
		ok        bool
	}{
		{"https", "https://login.example.com/authorize?a=b&c=%0A", true},
		{"http", "http://127.0.0.1:8400/", true},
		{"a dash", "-https://login.example.com/", false},
		{"an option", "--new-window", false},
		{"a file", "file:///etc/passwd", false},
		{"another program", "ms-msdt:/id", false},
		{"a script", "javascript:alert(1)", false},
		{"no host", "https:///authorize", false},
		{"a space", "https://login.example.com/ --app=x", false},
		{"a line break", "https://login.example.com/\nhint: forged", false},
		{"a terminal escape", "https://login.example.com/\x1b[31m", false},
		{"bidi", "https://login.example.com/\u202egnp.exe", false},
		{"nothing", "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := checkWebURL(test.url); (err == nil) != test.ok {
				t.Errorf("got %v, want ok %t", err, test.ok)
			}
		})
	}
}

// arrives runs print on a screen and returns what arrives there, which must be text.
func arrives(t *testing.T, name string, print func(stdio)) string {
	t.Helper()
	var got bytes.Buffer
	s := screen.On(&got)
	print(stdio{strings.NewReader(""), s, s})
	if bad := apitest.Unprintable(got.String()); bad != "" {
		t.Errorf("%s: shows %s", name, bad)
	}
	return got.String()
}

// views are all the ways in which this program shows what came over the socket, each filled with one text.
func views(text string) map[string]func(stdio) {
	account := apitest.Fill[api.Account](text)
	soon := time.Now().Add(time.Hour)
	account.LoginEndsAt = &soon
	provider := apitest.Fill[api.Provider](text)
	event := apitest.Fill[api.LoginEvent](text)
	imported := apitest.Fill[api.ImportEvent](text)
	login := func(kind, grant string) func(stdio) {
		e := event
		e.Event, e.Grant = kind, grant
		return func(std stdio) {
			v := &loginView{std: std, name: "work", client: &client.Client{}, noBrowser: true, deadline: soon}
			_ = v.show(e)
			v.rest()
			if kind == api.EventDone {
				v.result()
			}
		}
	}
	return map[string]func(stdio){
		"accounts":     func(std stdio) { _ = printAccounts(std, []api.Account{account, account}) },
		"account show": func(std stdio) { _ = printAccount(std, account) },
		"providers":    func(std stdio) { _ = printProviders(std, []api.Provider{provider}) },
		"provider":     func(std stdio) { _ = printProvider(std, provider) },
		"status":       func(std stdio) { _ = printStatus(std, apitest.Fill[api.Status](text)) },
		"reload":       func(std stdio) { printReload(std, apitest.Fill[api.ReloadResult](text)) },
		"authorize":    login(api.EventAuthorize, ""),
		"device":       login(api.EventDevice, ""),
		"logged in":    login(api.EventDone, "authorization_code"),
		"machine":      login(api.EventDone, "adc"),
		"found":        func(std stdio) { _ = showFound(std.err, imported) },
		"imported":     func(std stdio) { _ = showImported(std, imported, false) },
		"logout":       func(std stdio) { screen.Say(std.out, "%s\n", revocation(api.LogoutResult{Detail: text})) },
		"JSON":         func(std stdio) { _ = screen.JSON(std.out, account) },
		"JSON line":    func(std stdio) { _ = screen.JSONLine(std.out, apitest.Fill[api.WatchEvent](text)) },
	}
}

func FuzzViews(f *testing.F) {
	for _, seed := range apitest.Hostile() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		plain := views("x")
		for name, print := range views(text) {
			got := arrives(t, name, print)
			// No text of a stranger's begins a line, or ends one.
			if lines, want := strings.Count(got, "\n"), strings.Count(arrives(t, name, plain[name]), "\n"); lines > want {
				t.Errorf("%s of %q: got %d lines, want %d:\n%s", name, text, lines, want, got)
			}
		}
	})
}

func FuzzReport(f *testing.F) {
	for _, seed := range apitest.Hostile() {
		f.Add(seed)
	}
	f.Add(strings.Repeat("a\n", 20_000))
	f.Fuzz(func(t *testing.T, text string) {
		notice := arrives(t, "notice", func(std stdio) { screen.Lines(std.err, "warning: ", text) })
		for i, line := range strings.Split(strings.TrimSuffix(notice, "\n"), "\n") {
			if label := []string{"warning: ", "  "}[min(i, 1)]; !strings.HasPrefix(line, label) {
				t.Errorf("%q: got the line %q, want %q before it", text, line, label)
			}
		}
		for _, err := range []error{
			errors.New(text),
			&api.Error{Code: api.ConfigInvalid, Message: text, Hint: text},
			fileProblem(text, &os.PathError{Op: "open", Path: text, Err: os.ErrNotExist}),
			lockProblem(text, errors.New(text)),
			startProblem(errors.New(text)),
			badRequest("x", text),
		} {
			got := arrives(t, "report", func(std stdio) { report(std.err, err) })
			for line := range strings.Lines(got) {
				if !strings.HasPrefix(line, "oauthd: ") && !strings.HasPrefix(line, "hint: ") && !strings.HasPrefix(line, "  ") {
					t.Errorf("%q: got the line %q", text, line)
				}
			}
			if strings.Count("\n"+got, "\noauthd: ") != 1 || strings.Count("\n"+got, "\nhint: ") > 1 {
				t.Errorf("%q: got %q, want one error and one hint", text, got)
			}
			if n := len([]rune(got)); n > 20_000 {
				t.Errorf("got %d characters, want what a person can read", n)
			}
		}
	})
}

// The log is a file, a pipe, or a terminal.
func FuzzLog(f *testing.F) {
	for _, seed := range apitest.Hostile() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var file, terminal bytes.Buffer
		console := consoleLog(&terminal)
		console.NoColor = true
		for name, w := range map[string]io.Writer{"file": escaped{&file}, "terminal": console} {
			log := zerolog.New(w).With().Timestamp().Logger()
			log.Error().Err(errors.New(text)).Str("program", text).Strs("scopes", []string{text}).
				Dict("more", zerolog.Dict().Str("a", text)).Msg(text)
			got := file.String() + terminal.String()
			if bad := apitest.Unprintable(got); bad != "" {
				t.Errorf("%s: %q: shows %s", name, text, bad)
			}
			if strings.Count(got, "\n") != 1 {
				t.Errorf("%s: %q: got %q, want one line", name, text, got)
			}
			if name == "file" {
				var line struct{ Program string }
				if err := json.Unmarshal(file.Bytes(), &line); err != nil || utf8.ValidString(text) && line.Program != text {
					t.Errorf("%q: the log says %q, %v", text, line.Program, err)
				}
			}
			file.Reset()
			terminal.Reset()
		}
	})
}

// A lock file's text is a stranger's until its holder has answered.
func FuzzLockFile(f *testing.F) {
	for _, seed := range apitest.Hostile() {
		quoted, err := json.Marshal(api.LockFile{PID: 1, Socket: "/" + seed})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(quoted)
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "lock")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		holder := readLock(path)
		for _, holder.PID = range []int{0, os.Getpid()} {
			got := arrives(t, "lock", func(std stdio) { report(std.err, silentHolder(path, holder)) })
			if n := strings.Count(got, "\n"); n != 2 || len([]rune(got)) > 1000 {
				t.Errorf("%q: got %d lines and %d bytes:\n%s", text, n, len(got), got)
			}
		}
	})
}
