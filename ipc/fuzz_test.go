package ipc

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"oauthd/ipc/api"
	"oauthd/ipc/api/apitest"
)

// counted is a backend that counts the tokens it gives, and whose streams end.
type counted struct {
	fake
	tokens atomic.Int32
}

func (c *counted) Token(_ context.Context, r api.TokenRequest) (api.Token, error) {
	c.tokens.Add(1)
	return sampleToken(r), nil
}

func (c *counted) Login(_ context.Context, _ string, _ api.AccountDefinition, events func(api.LoginEvent)) error {
	events(api.LoginEvent{Event: api.EventDone})
	return nil
}

func (c *counted) Import(_ context.Context, _ api.ImportRequest, events func(api.ImportEvent)) error {
	events(api.ImportEvent{})
	return nil
}

func (c *counted) Watch(context.Context, string) (iter.Seq2[api.WatchEvent, error], error) {
	return func(yield func(api.WatchEvent, error) bool) { yield(api.WatchEvent{}, nil) }, nil
}

func (c *counted) Shutdown(context.Context) error { return nil }

// FuzzConnection sends anything over the socket. Whatever it is, the server ends the connection; what it answers is HTTP or
// lines of JSON, and text; a token is in it only if the backend gave one; and the next caller is served.
func FuzzConnection(f *testing.F) {
	for _, seed := range []string{
		`{"account":"work"}` + "\n", `{"account":"work"}` + "\n" + `{"account":"other","scope":"a b","min_ttl":60}` + "\n", "{}\n", "{\n", "\n\n", "",
		"GET /v1/token?account=work HTTP/1.1\r\nHost: oauthd\r\n\r\n", "GET /v1/token?account=work HTTP/1.0\r\n\r\n", "HEAD /v1/status HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /v1/token HTTP/1.1\r\nHost: oauthd\r\nContent-Length: 18\r\n\r\n" + `{"account":"work"}`,
		"POST /v1/token HTTP/1.1\r\nHost: oauthd\r\nTransfer-Encoding: chunked\r\n\r\n12\r\n" + `{"account":"work"}` + "\r\n0\r\n\r\n",
		"POST /v1/token HTTP/1.1\r\nHost: oauthd\r\nContent-Length: 18\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/token?account=work HTTP/1.1\r\n\r\n",
		"GET /v1/watch HTTP/1.1\r\nHost: oauthd\r\n\r\nGET /v1/accounts/work HTTP/1.1\r\nHost: oauthd\r\n\r\n",
		"POST /v1/login/work HTTP/1.1\r\nHost: oauthd\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}", "DELETE /v1/sockets/%2fx HTTP/1.1\r\nHost: oauthd\r\n\r\n",
		"GET http://evil.example.com/v1/status HTTP/1.1\r\nHost: evil.example.com\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x16\x03\x01\x00\x05hello",
	} {
		f.Add([]byte(seed))
	}
	c := &counted{}
	server := start(f, c, nil)
	f.Fuzz(func(t *testing.T, data []byte) {
		before := c.tokens.Load()
		conn := dial(t, server.path)
		defer conn.Close()
		go func() {
			_, _ = conn.Write(data) // the server may end it before
			_ = conn.CloseWrite()
		}()
		answer, err := io.ReadAll(conn)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("the server does not end the connection")
		}
		if given, shown := int(c.tokens.Load()-before), bytes.Count(answer, []byte("ya29.sample")); shown > given {
			t.Errorf("got %d tokens, but %d were given", shown, given)
		}
		if bad := apitest.Unprintable(strings.ReplaceAll(string(answer), "\r\n", "\n")); bad != "" {
			t.Errorf("the answer shows %s", bad)
		}
		checkError(t, answer)
		checkAnswer(t, answer)
		next := dial(t, server.path)
		send(t, next, `{"account":"next"}`+"\n")
		if line := readLine(t, bufio.NewReader(next)); !strings.Contains(line, `"next"`) {
			t.Errorf("the next caller: got %s", line)
		}
		_ = next.Close()
	})
}

// checkAnswer wants lines of JSON, or responses of HTTP whose lengths are true.
func checkAnswer(t *testing.T, answer []byte) {
	t.Helper()
	if !bytes.HasPrefix(answer, []byte("HTTP/")) {
		for line := range bytes.Lines(answer) {
			if !json.Valid(line) {
				t.Errorf("got the line %q, want JSON", line)
			}
		}
		return
	}
	for r := bufio.NewReader(bytes.NewReader(answer)); ; {
		if _, err := r.Peek(1); err != nil {
			return
		}
		response, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Errorf("got %q, want a response: %v", answer, err)
			return
		}
		_, err = io.Copy(io.Discard, response.Body)
		if rest, _ := r.Peek(5); err != nil || len(rest) > 0 && string(rest) != "HTTP/" {
			return // to HEAD, which this does not know of
		}
	}
}
