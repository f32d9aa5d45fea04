package ipc

import (
	"fmt"
	"strings"
	"testing"
)

func TestHold(t *testing.T) {
	f := full()
	r := start(t, f, nil)
	for _, test := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"a token that cannot be held", `{"account":"work"}`, 200, `"account":"work"`},
		{"one that can, until something changes", `{"account":"kept","scope":"a b"}`, 200, `"held":true}`},
		{"the backend's error", `{"account":"down"}`, 503, `"code":"provider_unreachable"`},
		{"a wrong name", `{"account":"../x"}`, 400, `"code":"bad_request"`},
		{"an unknown field", `{"account":"work","hold":true}`, 400, "unknown field"},
	} {
		request := fmt.Sprintf("POST /v1/hold HTTP/1.1\r\nHost: oauthd\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(test.body), test.body)
		resp, body := exchange(t, r.path, request)
		if resp.StatusCode != test.status || !strings.Contains(body, test.want) {
			t.Errorf("%s: got %d %s, want %d and %s", test.name, resp.StatusCode, body, test.status, test.want)
		}
		if first, rest, held := strings.Cut(body, `"held":true}`+"\n"); held {
			if want := strings.Repeat(" ", len(first)+len(`"held":true}`)+1) + `{"ended":true}` + "\n"; rest != want {
				t.Errorf("%s: got %q after the token, want as much white space as that took, and the end", test.name, rest)
			}
		}
		if held := strings.Contains(body, `"held"`); held != strings.Contains(test.body, "kept") {
			t.Errorf("%s: got held %t", test.name, held)
		}
	}
}
