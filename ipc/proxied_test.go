package ipc

import (
	"fmt"
	"strings"
	"testing"

	"oauthd/ipc/api"
)

func TestProxied(t *testing.T) {
	r := start(t, full(), nil)
	one := `{"account":"work","method":"GET","url":"https://api.example.com/me","status":200}`
	many := func(n int, request string) string {
		return `{"requests":[` + strings.TrimSuffix(strings.Repeat(request+",", n), ",") + `]}`
	}
	for _, test := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"one", many(1, one), 200, "{}"},
		{"none", many(0, one), 200, "{}"},
		{"as many as there may be", many(api.MaxProxied, one), 200, "{}"},
		{"one more", many(api.MaxProxied+1, one), 400, "257 requests are too many"},
		{"what the upstream did not answer", many(1, `{"account":"work","method":"GET","url":"https://a.example/","code":"forbidden"}`), 200, "{}"},
		{"the backend's refusal", many(1, `{"account":"other","method":"GET","url":"https://a.example/"}`), 403, "no proxy"},
		{"a wrong name", many(1, `{"account":"../x","method":"GET","url":"https://a.example/"}`), 400, `"code":"bad_request"`},
		{"no method", many(1, `{"account":"work","url":"https://a.example/"}`), 400, "no method"},
		{"no url", many(1, `{"account":"work","method":"GET"}`), 400, "no url"},
		{"a long url", many(1, `{"account":"work","method":"GET","url":"https://a.example/`+strings.Repeat("a", api.MaxProxiedURL)+`"}`), 400, "longer"},
		{"no status", many(1, `{"account":"work","method":"GET","url":"https://a.example/","status":1000}`), 400, "a status"},
		{"an unknown field", `{"requests":[],"token":"x"}`, 400, "unknown field"},
		{"no list", `{"requests":1}`, 400, `"code":"bad_request"`},
	} {
		request := fmt.Sprintf("POST /v1/proxied HTTP/1.1\r\nHost: oauthd\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(test.body), test.body)
		resp, body := exchange(t, r.path, request)
		if resp.StatusCode != test.status || !strings.Contains(body, test.want) {
			t.Errorf("%s: got %d %s, want %d and %s", test.name, resp.StatusCode, body, test.status, test.want)
		}
	}
}
