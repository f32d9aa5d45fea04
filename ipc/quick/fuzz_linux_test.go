package quick

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

// Whatever git says: what is asked is one line of JSON with a URL in it that is the place git named, and nothing else.
func FuzzGitRequest(f *testing.F) {
	for _, seed := range []string{"protocol=https\nhost=git.example.com\npath=a/b\nusername=ada\n\n", "host=a\"b\n", "protocol=https\nhost=a\r\n", "x", "\n", "host=\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, ok := gitRequest(text)
		if !ok {
			return
		}
		request := string(c.request())
		var got map[string]string
		if json.Unmarshal([]byte(request), &got) != nil || len(got) != 1 || strings.Count(request, "\n") != 1 {
			t.Fatalf("got %q", request)
		}
		u, err := url.Parse(got["url"])
		if err == nil && (u.Scheme != strings.ToLower(c.protocol) || u.Host != c.host || u.User.Username() != c.username) {
			t.Fatalf("got %q of %+v", got["url"], c)
		}
		if answer, ok := c.answer([]byte("T"), []byte("2031-02-28T23:59:59Z")); ok && strings.Count(string(answer), "password=") != 1 {
			t.Fatalf("got %q", answer)
		}
	})
}
