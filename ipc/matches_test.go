package ipc

import (
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	r := start(t, &fake{}, nil)
	for _, test := range []struct {
		name, query string
		status      int
		want        string // in the answer
	}{
		{"a URL", "?url=https://git.example.com/a%20b", 200, `"account":"work","pattern":"https://git.example.com/a b "`},
		{"a user", "?user=ada&url=git.example.com", 200, `"pattern":"git.example.com ada"`},
		{"nobody", "?url=https://nobody.example.com/", 404, `"code":"unknown_account"`},
		{"no URL", "?user=ada", 400, "url is missing"},
		{"nothing", "", 400, "url is missing"},
		{"a parameter that there is not", "?url=git.example.com&account=work", 400, `"code":"bad_request"`},
	} {
		resp, body := exchange(t, r.path, "GET /v1/match"+test.query+" HTTP/1.1\r\nHost: oauthd\r\n\r\n")
		if resp.StatusCode != test.status || !strings.Contains(body, test.want) {
			t.Errorf("%s: got %d %s, want %d and %s", test.name, resp.StatusCode, body, test.status, test.want)
		}
	}
}
