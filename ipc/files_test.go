package ipc

import (
	"fmt"
	"strings"
	"testing"

	"oauthd/ipc/api"
)

func TestFiles(t *testing.T) {
	r := start(t, full(), nil)
	for _, tt := range []struct {
		name, method, query, body string
		status                    int
		want                      string // in the answer
	}{
		{"none", "GET", "", "", 200, "[]\n"},
		{"one", "POST", "", `{"account":"work","path":"/x","scope":"a b","template":"{{token}}","user":"ada","min_ttl":60,"replace":true}`, 200,
			`{"path":"/x|{{token}}|ada","account":"work","scope":"a b"}`},
		{"one of the caller's", "POST", "", `{"account":"work"}`, 200, `{"path":"||"`},
		{"a template as long as it may be, of escapes", "POST", "", `{"account":"work","template":"{{token}}` + strings.Repeat(`\u0001`, api.MaxTemplate-9) + `"}`, 200, ""},
		{"a longer one", "POST", "", `{"account":"work","template":"{{token}}` + strings.Repeat("x", api.MaxTemplate) + `"}`, 400, "has more than 65536 bytes"},
		{"far too much", "POST", "", `{"account":"work","template":"` + strings.Repeat("x", maxFileRequest) + `"}`, 413, `"too_large"`},
		{"nothing", "POST", "", "", 400, "the request is empty"},
		{"no account", "POST", "", `{"path":"/x"}`, 400, "account is missing"},
		{"no account's name", "POST", "", `{"account":"../x"}`, 400, "cannot be an account name"},
		{"an unknown field", "POST", "", `{"account":"work","mode":"0644"}`, 400, `unknown field \"mode\"`},
		{"another type", "POST", "", `{"account":"work","port":"imap"}`, 400, "port must be an integer"},
		{"an unknown format", "POST", "", `{"account":"work","format":"yaml"}`, 400, `there is no format \"yaml\"`},
		{"an impossible time", "POST", "", `{"account":"work","min_ttl":-1}`, 400, "min_ttl must be"},
		{"a query", "POST", "?path=/x", `{"account":"work"}`, 400, "takes no query"},
		{"the end", "DELETE", "?path=/a%20b", "", 200, `{"path":"/a b"`},
		{"the end of nothing", "DELETE", "", "", 400, "path is missing"},
		{"the end of an empty path", "DELETE", "?path=", "", 400, "path is missing"},
		{"the end of another", "DELETE", "?path=/x", "", 400, "oauthd maintains no file /x"},
		{"the end of two", "DELETE", "?path=/x&path=/y", "", 400, "given more than once"},
		{"the end by another name", "DELETE", "?file=/x", "", 400, "unknown field"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			request := fmt.Sprintf("%s /v1/files%s HTTP/1.1\r\nHost: oauthd\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", tt.method, tt.query, len(tt.body), tt.body)
			resp, body := exchange(t, r.path, request)
			if resp.StatusCode != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("got %d %.200s, want %d with %s", resp.StatusCode, body, tt.status, tt.want)
			}
		})
	}
}
