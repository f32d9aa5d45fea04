package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"unicode/utf8"

	"oauthd/ipc/api"
	"oauthd/ipc/api/apitest"
)

func TestPrintable(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"ASCII", `a "quoted" \ word~`, `a "quoted" \ word~`},
		{"letters of the world", "Zoë · 東京 · Ελλάδα · हिन्दी · e\u0301 · 😀", "Zoë · 東京 · Ελλάδα · हिन्दी · e\u0301 · 😀"},
		{"terminal escapes", "\x1b]0;X\a\x1b[31mred\x1b[0m", "]0;X[31mred[0m"},
		{"C1 controls", "a\u009b31mb\u0085c", "a31mb c"},
		{"raw C1 bytes", "a\x9b31m", "a\ufffd31m"},
		{"delete and backspace", "ab\x7f\b", "ab"},
		{"line breaks", "a\r\nhint: forged\u2028b\u2029c\vd", "a hint: forged b c d"},
		{"a space before a line break", "a \n b", "a  b"},
		{"kinds of space", "a\u00a0b\u3000c\u2003d\u1680e", "a b c d e"},
		{"bidi", "\u202eevil\u202c \u2066x\u2069 \u200e\u200f\u061c", "evil x "},
		{"zero width", "ad\u200bm\u200ci\u200dn\u2060\ufeff", "admin"},
		{"soft hyphen and vowel separator", "a\u00adb\u180ec", "abc"},
		{"tags", "a\U000e0001\U000e0041\U000e007fb", "ab"},
		{"variation selectors", "a\ufe0fb\U000e0100c\u180bd", "abcd"},
		{"interlinear annotation", "a\ufff9b\ufffac\ufffbd", "abcd"},
		{"letters that are blank", "a\u115fb\u1160c\u3164d\uffa0e\u034ff\u17b4g", "abcdefg"},
		{"private use and unassigned", "a\ue000b\U0010fffdc\uffffd\u0378e", "abcde"},
		{"not UTF-8", "a\xff\xfeb\xe2\x80", "a\ufffd\ufffdb\ufffd\ufffd"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := api.Printable(test.text); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestExcerpt(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"short", " \nshort\t", "short"},
		{"as long as may be", strings.Repeat("é", 200), strings.Repeat("é", 200)},
		{"too long", strings.Repeat("é", 201), strings.Repeat("é", 200) + "…"},
		{"what does not show does not count", strings.Repeat("\u200b", 5000) + "x", "x"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := api.Excerpt(test.text); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestLines(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"one", "a line", "a line"},
		{"several", "a.toml:1: one\nb.toml:2: two", "a.toml:1: one\nb.toml:2: two"},
		{"empty ones", "\n\na\n\n  \n\tb\n", "a\n b"},
		{"another's line breaks", "a\r\u2028b", "a b"},
		{"a long line", strings.Repeat("x", 1001) + "\ny", strings.Repeat("x", 1000) + "…\ny"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := api.Lines(test.text); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if got := utf8.RuneCountInString(api.Lines(strings.Repeat("é\n", 10000))); got != 4001 {
		t.Errorf("a text of 10,000 lines: got %d characters, want 4000 and an ellipsis", got)
	}
}

func TestForeign(t *testing.T) {
	err := fmt.Errorf("open: %w", api.Foreign(&fs.PathError{Op: "open", Path: "a\nhint: \x1b[31m", Err: fs.ErrNotExist}))
	if got, want := err.Error(), "open: open a hint: [31m: file does not exist"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var path *fs.PathError
	if !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &path) {
		t.Error("the library's error is not found")
	}
	if err := api.Foreign(nil); err != nil {
		t.Errorf("of no error: got %v", err)
	}
}

func TestErrorLeavesAsText(t *testing.T) {
	e := &api.Error{
		Code: api.ScopeNotGranted, RetryAfter: 2,
		Message: "work was not granted \x1b[31mX\u202e" + strings.Repeat("x", 60_000),
		Hint:    "one\ntwo\u200b",
	}
	text, err := json.Marshal(api.Account{LastError: e})
	if err != nil {
		t.Fatal(err)
	}
	var got api.Account
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := api.Error{Code: e.Code, RetryAfter: 2, Message: "work was not granted [31mX" + strings.Repeat("x", 974) + "…", Hint: "one\ntwo"}
	if *got.LastError != want {
		t.Errorf("got %+v, want %+v", *got.LastError, want)
	}
	if !strings.HasSuffix(e.Message, "x") || !strings.Contains(e.Message, "\x1b") {
		t.Error("the error itself was changed")
	}
}

func FuzzPrintable(f *testing.F) {
	for _, seed := range apitest.Hostile() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, function := range []struct {
			name string
			of   func(string) string
			most int
		}{
			{"Printable", api.Printable, len(text)},
			{"Excerpt", api.Excerpt, 201},
			{"Lines", api.Lines, 4001},
			{"Foreign", func(s string) string { return api.Foreign(errors.New(s)).Error() }, 201},
		} {
			got := function.of(text)
			shown := got
			if function.name == "Lines" {
				shown = strings.ReplaceAll(got, "\n", " ")
			}
			if bad := apitest.Unprintable(shown); bad != "" {
				t.Errorf("%s(%q): shows %s", function.name, text, bad)
			}
			if strings.Contains(shown, "\n") {
				t.Errorf("%s(%q): got more than one line", function.name, text)
			}
			if n := utf8.RuneCountInString(got); n > function.most {
				t.Errorf("%s of %d characters: got %d, want at most %d", function.name, len(text), n, function.most)
			}
			if again := function.of(got); again != got {
				t.Errorf("%s(%q): got %q, and of that %q", function.name, text, got, again)
			}
		}
	})
}

func FuzzMarshal(f *testing.F) {
	for _, seed := range apitest.Hostile() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		event := api.LoginEvent{
			Event: text, URL: text, UserCode: text, Email: text, ScopesGranted: []string{text, text}, Warnings: []string{text},
		}
		plain, err := json.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		got, err := api.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		if bad := apitest.Unprintable(string(got)); bad != "" {
			t.Errorf("%q: shows %s", text, bad)
		}
		var want, have api.LoginEvent
		if err := json.Unmarshal(plain, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(got, &have); err != nil {
			t.Fatalf("%q: %v", got, err)
		}
		if have.Email != want.Email || have.UserCode != want.UserCode || have.ScopesGranted[1] != want.ScopesGranted[1] {
			t.Errorf("%q: the JSON means %q", text, have.Email)
		}
	})
}
