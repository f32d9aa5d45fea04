package ipc

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"oauthd/daemon/account"
)

func TestPolicies(t *testing.T) {
	r := start(t, full(), nil)
	for _, test := range []struct {
		method, path, body string
		status             int
		want               string // in the answer
	}{
		{"GET", "/v1/whoami", "", 200, fmt.Sprintf(`"uid":%d`, os.Getuid())},
		{"GET", "/v1/whoami?x=1", "", 400, "takes no query"},
		{"POST", "/v1/policy", `{"account":"work","exe":"/bin/x","scope":"a b"}`, 200, `"why":"/bin/x a b"`},
		{"POST", "/v1/policy", `{"account":"WORK"}`, 400, `"code":"bad_request"`},
		{"POST", "/v1/policy", `{"account":"work","program":"/bin/x"}`, 400, `"code":"bad_request"`},
		{"POST", "/v1/policy", "", 400, `"code":"bad_request"`},
		{"GET", "/v1/consent", "", 200, `"questions":[{"id":"1"`},
		{"DELETE", "/v1/consent", "", 200, `{"forgotten":0}`},
		{"DELETE", "/v1/consent?account=work", "", 200, `{"forgotten":4}`},
		{"DELETE", "/v1/consent?account=..", "", 400, `"code":"bad_request"`},
		{"DELETE", "/v1/consent?name=work", "", 400, `"code":"bad_request"`},
		{"POST", "/v1/consent/google", `{"answer":"once"}`, 200, `"rule":"once"`},
		{"POST", "/v1/consent/2", `{"answer":"once"}`, 400, "no question 2"},
		{"POST", "/v1/consent/google", `{"answer":7}`, 400, `"code":"bad_request"`},
		{"GET", "/v1/audit?account=work&caller=git&since=2026-01-31T12:00:00Z&follow=true", "", 200, `"detail":"git 2026-01-31T12:00:00Z true 0"`},
		{"GET", "/v1/audit?token=secret", "", 400, `"code":"bad_request"`},
		{"GET", "/v1/audit?since=yesterday", "", 400, "RFC 3339"},
		{"GET", "/v1/audit?follow=perhaps", "", 400, "true or false"},
		{"POST", "/v1/audit", `{"token":"abc","account":"work"}`, 200, `"detail":"  false 3"`},
		{"POST", "/v1/audit", `{"account":"../x"}`, 400, `"code":"bad_request"`},
		{"GET", "/v1/sockets", "", 200, "[]"},
		{"POST", "/v1/sockets", `{"account":"work","path":"/x","scopes":["a"],"max":3}`, 200, `"path":"/x","account":"work","scopes":["a"],"max":3`},
		{"POST", "/v1/sockets", `{"path":"/x"}`, 400, `"code":"bad_request"`},
		{"POST", "/v1/sockets", `{"account":"work","path":"/x","mode":"0666"}`, 400, `"code":"bad_request"`},
		{"DELETE", "/v1/sockets?path=/a%20b", "", 200, `"path":"/a b"`},
		{"DELETE", "/v1/sockets", "", 400, "path is missing"},
		{"DELETE", "/v1/sockets?path=", "", 400, "path is missing"},
		{"DELETE", "/v1/sockets?path=/none", "", 400, "no restricted socket"},
	} {
		request := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: oauthd\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", test.method, test.path, len(test.body), test.body)
		resp, body := exchange(t, r.path, request)
		if resp.StatusCode != test.status || !strings.Contains(body, test.want) {
			t.Errorf("%s %s %s: got %d %s, want %d and %s", test.method, test.path, test.body, resp.StatusCode, body, test.status, test.want)
		}
	}
}

// A restricted socket has no other routes, whatever the backend can do, and puts its account where none is named.
func TestRoutesOfARestrictedSocket(t *testing.T) {
	sv := &serving{Server: New(Config{Backend: backendOf(full())}), socket: &account.Socket{Account: "work"}}
	var paths []string
	for _, rt := range sv.routes() {
		paths = append(paths, rt.method+" "+rt.path)
	}
	if got := strings.Join(paths, ", "); got != "GET /v1/token, POST /v1/token, POST /v1/proof, GET /v1/watch" {
		t.Errorf("got %s", got)
	}
}
