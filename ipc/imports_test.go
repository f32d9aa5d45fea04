package ipc

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"oauthd/ipc/api"
)

func TestImport(t *testing.T) {
	const data = "sentinel-of-a-refresh-token"
	var took api.ImportRequest
	backend := &fake{imports: func(_ context.Context, r api.ImportRequest, events func(api.ImportEvent)) error {
		took = r
		switch r.As {
		case "early":
			return &api.Error{Code: api.ConfigInvalid, Message: "the file is empty"}
		case "panic":
			panic(r.Data)
		}
		events(api.ImportEvent{Event: api.EventFound, Account: r.As})
		if r.As == "late" {
			return &api.Error{Code: api.LoginRequired, Message: "refused"}
		}
		events(api.ImportEvent{Event: api.EventDone, Account: r.As})
		return nil
	}}
	s := start(t, backend, nil)
	post := func(body string) (*http.Response, string) {
		return exchange(t, s.path, fmt.Sprintf("POST %s HTTP/1.1\r\nHost: oauthd\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
			api.PathImport, len(body), body))
	}
	for _, tt := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"done", `{"data":"` + data + `","as":"work","scopes":["openid"],"trust_endpoint":true,"sole":true}`, 200,
			`{"event":"found","account":"work"}` + "\n" + `{"event":"done","account":"work"}` + "\n"},
		{"an error before the first event", `{"data":"` + data + `","as":"early"}`, 400, `"code":"config_invalid"`},
		{"an error after it", `{"data":"` + data + `","as":"late"}`, 200, `{"event":"error","error":{"code":"login_required"`},
		{"a panic", `{"data":"` + data + `","as":"panic"}`, 500, `"code":"internal"`},
		{"no such name", `{"data":"` + data + `","as":"No Name"}`, 400, `"code":"bad_request"`},
		{"no such field", `{"data":"` + data + `","refresh_token":"x"}`, 400, `unknown field`},
		{"a wrong type", `{"data":7}`, 400, `data must be a string`},
		{"nothing", ``, 400, `"code":"bad_request"`},
		{"too much", `{"data":"` + strings.Repeat("x", maxImport) + `"}`, 413, `"code":"too_large"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := post(tt.body)
			if resp.StatusCode != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("got %d, %d bytes without what is wanted; want %d, %q", resp.StatusCode, len(body), tt.status, tt.want)
			}
			if strings.Contains(body, data) || strings.Contains(s.log.String(), data) {
				t.Error("the answer or the log shows the data")
			}
		})
	}
	if took.Data == "" || strings.Contains(fmt.Sprintf("%v %+v %q", took, took, took.Data), data) {
		t.Error("the request did not arrive, or prints its data")
	}
}
