package quick

import (
	"encoding/base64"
	"strconv"
	"strings"
	"testing"
	"testing/quick"
	"time"
)

func TestGitRequest(t *testing.T) {
	for text, want := range map[string]string{
		"protocol=https\nhost=git.example.com\n\n":                                  `{"url":"https://git.example.com/"}`,
		"protocol=https\nhost=git.example.com":                                      `{"url":"https://git.example.com/"}`,
		"capability[]=authtype\nprotocol=http\nhost=127.0.0.1:8080\npath=a/b.git\n": `{"url":"http://127.0.0.1:8080/a/b.git"}`,
		"protocol=https\nhost=git.example.com\nusername=ada\nwwwauth[]=Basic\n\n":   `{"url":"https://ada@git.example.com/"}`,
		"protocol=https\nhost=git.example.com\nusername=ada%40example.com\n\n":      "",
		"protocol=https\nhost=git.example.com\npath=a b\n\n":                        "",
		"protocol=https\nhost=git.example.com\"\n\n":                                "",
		"protocol=https\r\nhost=git.example.com\n\n":                                "",
		"protocol=https\nhost=git.example.com\npassword=x\n\n":                      "",
		"protocol=https\n\n": "",
		"nonsense\n\n":       "",
		"":                   "",
	} {
		c, ok := gitRequest([]byte(text))
		if ok != (want != "") || ok && string(c.request()) != want+"\n" {
			t.Errorf("%q: got %q, %t, want %q", text, c.request(), ok, want)
		}
	}
}

func TestUnixTime(t *testing.T) {
	same := func(seconds uint32) bool {
		at := time.Unix(int64(seconds), 0).UTC()
		got, ok := unixTime([]byte(at.Format(time.RFC3339)))
		return ok && got == at.Unix() && string(appendNumber(nil, got)) == strconv.FormatInt(got, 10)
	}
	if err := quick.Check(same, &quick.Config{MaxCount: 10000}); err != nil {
		t.Error(err)
	}
	for _, wrong := range []string{"", "2026-11-28T18:18:44+01:00", "2026-11-28T18:18:44.5Z", "2026-13-01T00:00:00Z", "1969-01-01T00:00:00Z", "2026-11-28 18:18:44Z"} {
		if got, ok := unixTime([]byte(wrong)); ok {
			t.Errorf("%s: got %d", wrong, got)
		}
	}
}

func TestBase64(t *testing.T) {
	same := func(data []byte) bool {
		return string(appendBase64(nil, data)) == base64.StdEncoding.EncodeToString(data)
	}
	if err := quick.Check(same, nil); err != nil {
		t.Error(err)
	}
}

func TestGitHelperCommandLine(t *testing.T) {
	for line, want := range map[string]bool{
		"/usr/bin/git-credential-oauthd get ": true,
		"git-credential-oauthd get ":          true,
		"git-credential-oauthd store ":        false,
		"git-credential-oauthd get get ":      false,
		"git-credential-oauthd ":              false,
		"oauthd get ":                         false,
	} {
		if got := gitHelper([]byte(strings.ReplaceAll(line, " ", "\x00"))); got != want {
			t.Errorf("%s: got %t, want %t", line, got, want)
		}
	}
}
