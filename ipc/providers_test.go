package ipc

import (
	"strings"
	"testing"
)

func TestProviders(t *testing.T) {
	r := start(t, &fake{}, nil)
	for _, tt := range []struct {
		name, request string
		status        int
		want          string // in the answer
	}{
		{"all", "/v1/providers", 200, `[{"name":"google","built_in":true,`},
		{"one", "/v1/providers/google", 200, `{"name":"google",`},
		{"an odd name", "/v1/providers/a%20b%2Fc", 200, `{"name":"a b/c",`},
		{"unknown", "/v1/providers/gogle", 404, `"unknown_provider"`},
		{"nothing", "/v1/providers/", 404, `"bad_request"`},
		{"query", "/v1/providers?name=google", 400, `"bad_request"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := exchange(t, r.path, "GET "+tt.request+" HTTP/1.1\r\nHost: oauthd\r\n\r\n")
			if resp.StatusCode != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("got %d %s, want %d with %s", resp.StatusCode, body, tt.status, tt.want)
			}
		})
	}
	if resp, _ := exchange(t, r.path, "DELETE /v1/providers/google HTTP/1.1\r\nHost: oauthd\r\nContent-Length: 0\r\n\r\n"); resp.StatusCode != 405 {
		t.Errorf("DELETE: got %d, want 405", resp.StatusCode)
	}
}
