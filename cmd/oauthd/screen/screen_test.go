package screen

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"oauthd/ipc/api"
	"oauthd/ipc/api/apitest"
)

func TestScreen(t *testing.T) {
	for _, test := range []struct {
		name   string
		writes []string
		want   string
	}{
		{"text", []string{"oauthd: locked\n"}, "oauthd: locked\n"},
		{"lines", []string{"a\n\n  b\n", "c"}, "a\n\n  b\nc"},
		{"a terminal escape", []string{"a\x1b[31mb\r\n\x9b0m"}, "a[31mb \n\ufffd0m"},
		{"a character in two writes", []string{"Zo\xc3", "\xab 東\xe4\xba", "", "\xac"}, "Zoë 東京"},
		{"an escape in two writes", []string{"a\xe2\x80", "\xaeb"}, "ab"},
		{"a character that never ends", []string{"a\xe4\xba", "b"}, "a\ufffd\ufffdb"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got bytes.Buffer
			s := &screen{to: &got}
			for _, text := range test.writes {
				if n, err := s.Write([]byte(text)); n != len(text) || err != nil {
					t.Errorf("Write(%q): got %d, %v, want all of it", text, n, err)
				}
			}
			if got.String() != test.want {
				t.Errorf("got %q, want %q", got.String(), test.want)
			}
		})
	}
}

func TestScreenReportsWhatCannotBeWritten(t *testing.T) {
	in, out := io.Pipe()
	_ = in.Close()
	if n, err := (&screen{to: out}).Write([]byte("x")); n != 0 || !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %d, %v, want 0, %v", n, err, io.ErrClosedPipe)
	}
}

func FuzzScreen(f *testing.F) {
	for _, seed := range apitest.Hostile() {
		f.Add([]byte(seed), 3)
	}
	f.Fuzz(func(t *testing.T, text []byte, at int) {
		at = max(0, min(at, len(text)))
		var got bytes.Buffer
		s := On(&got)
		_, _ = s.Write(text[:at])
		_, _ = s.Write(text[at:])
		if bad := apitest.Unprintable(got.String()); bad != "" {
			t.Errorf("%q in two at %d: shows %s", text, at, bad)
		}
		for _, line := range strings.Split(got.String(), "\n") {
			if api.Printable(line) != line {
				t.Errorf("%q in two at %d: got %q", text, at, line)
			}
		}
	})
}

func TestTableOfWideCharacters(t *testing.T) {
	var got bytes.Buffer
	if err := Table(&got, [][]string{{"NAME", "STATE"}, {"東京", "ready"}, {"Zoe\u0308", "ready"}, {"work", "ready"}}); err != nil {
		t.Fatal(err)
	}
	if want := "NAME  STATE\n東京  ready\nZoe\u0308   ready\nwork  ready\n"; got.String() != want {
		t.Errorf("got\n%swant\n%s", &got, want)
	}
}

func TestQR(t *testing.T) {
	for _, test := range []struct {
		name          string
		columns, rows int
		most          int // bytes of the URL
		shown         bool
	}{
		{"fits", 80, 40, 40, true},
		{"too narrow", 30, 40, 40, false},
		{"too low", 80, 10, 40, false},
		{"more than a code can hold", 4000, 4000, 4000, false},
	} {
		var code bytes.Buffer
		if QR(&code, "https://example.com/"+strings.Repeat("x", test.most-20), test.columns, test.rows); (code.Len() > 0) != test.shown {
			t.Errorf("%s: got a QR code of %d bytes, want one %t", test.name, code.Len(), test.shown)
		}
	}
}
