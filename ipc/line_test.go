package ipc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

func TestLine(t *testing.T) {
	r := start(t, &fake{token: func(ctx context.Context, r api.TokenRequest) (api.Token, error) {
		switch r.Account {
		case "dead":
			return api.Token{}, fmt.Errorf("vault: %w", &api.Error{Code: api.LoginRequired, Message: "log in", Hint: "oauthd login dead"})
		case "odd":
			return api.Token{}, errors.New("detail for the log")
		case "slow":
			return api.Token{}, fmt.Errorf("grant: %w", context.DeadlineExceeded)
		case "panics":
			panic("not for the log")
		}
		return sampleToken(r), nil
	}}, nil)
	const answer = `{"access_token":"ya29.sample","token_type":"Bearer","expires_in":3599,"account":"work","expires_at":"2026-11-22T10:00:00Z"}`
	for _, tc := range []struct{ name, line, want string }{
		{"plain", `{"account":"work"}`, answer},
		{"carriage return", "{\"account\":\"work\"}\r", answer},
		{"escaped", `{"acco\u0075nt":"w\u006frk"}`, answer},
		{"null", `{"account":"work","scope":null}`, answer},
		{"error", `{"account":"dead"}`, `{"error":{"code":"login_required","message":"log in","hint":"oauthd login dead"}}`},
		{"unnamed error", `{"account":"odd"}`,
			`{"error":{"code":"internal","message":"internal error","hint":"see the daemon's log for details"}}`},
		{"deadline", `{"account":"slow"}`, `{"error":{"code":"timeout","message":"there was no answer in time","hint":"try again"}}`},
		{"panic", `{"account":"panics"}`,
			`{"error":{"code":"internal","message":"internal error","hint":"see the daemon's log for details"}}`},
		{"half an object", `{"account":"work"`, `{"error":{"code":"bad_request","message":"the request is not valid JSON","hint":"send one JSON object, such as {\"account\":\"work\"}"}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := dial(t, r.path)
			send(t, c, tc.line+"\n"+`{"account":"work"}`+"\n")
			in := bufio.NewReader(c)
			if got := readLine(t, in); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if got := readLine(t, in); got != answer {
				t.Errorf("the connection is not kept: got %s", got)
			}
		})
	}
	log := r.log.String()
	if !strings.Contains(log, "detail for the log") || strings.Contains(log, "not for the log") {
		t.Errorf("got log %s\nwant the error's detail and no panic value", log)
	}
}

func TestLineCaller(t *testing.T) {
	got := make(chan account.Caller, 1)
	r := start(t, &fake{token: func(ctx context.Context, r api.TokenRequest) (api.Token, error) {
		c, _ := account.CallerFrom(ctx)
		got <- c
		_, limited := ctx.Deadline()
		if !limited {
			t.Error("the context has no deadline")
		}
		return sampleToken(r), nil
	}}, nil)
	for name, text := range map[string]string{
		"line": `{"account":"work"}` + "\n",
		"http": "GET /v1/token?account=work HTTP/1.1\r\nHost: oauthd\r\n\r\n",
	} {
		c := dial(t, r.path)
		send(t, c, text)
		if caller := <-got; caller.PID == 0 || caller.Program() == "" {
			t.Errorf("%s: got caller pid %d, program %q, want ours", name, caller.PID, caller.Program())
		}
	}
}

func TestLinePipelined(t *testing.T) {
	r := start(t, &fake{}, nil)
	c := dial(t, r.path)
	const n = 300
	go func() {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `{"account":"a%d","scope":"%s"}`+"\n", i, strings.Repeat("x ", i%97))
		}
		_, _ = c.Write([]byte(b.String()))
	}()
	in := bufio.NewReader(c)
	for i := range n {
		if got, want := readLine(t, in), fmt.Sprintf(`"account":"a%d"`, i); !strings.Contains(got, want) {
			t.Fatalf("answer %d: got %s, want %s in it", i, got, want)
		}
	}
}

func TestLineWithoutEnd(t *testing.T) {
	r := start(t, &fake{}, nil)
	c := dial(t, r.path)
	send(t, c, `{"account":"work"}`)
	_ = c.CloseWrite()
	if got := codeOf(t, readLine(t, bufio.NewReader(c))); got != "" {
		t.Errorf("got %s, want a token", got)
	}
	ended(t, c)
}

func TestLineSize(t *testing.T) {
	r := start(t, &fake{}, nil)
	request := func(size int) string {
		const frame = len(`{"account":"work","scope":""}`)
		return `{"account":"work","scope":"` + strings.Repeat("x", size-frame) + `"}`
	}
	t.Run("at the limit", func(t *testing.T) {
		c := dial(t, r.path)
		in := bufio.NewReader(c)
		for range 2 {
			send(t, c, request(maxTokenRequest)+"\n")
			if got := codeOf(t, readLine(t, in)); got != "" {
				t.Errorf("got %s, want a token", got)
			}
		}
	})
	for name, line := range map[string]string{
		"over": request(maxTokenRequest+1) + "\n", "endless": strings.Repeat("{", maxTokenRequest+2048),
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, r.path)
			go func() { _, _ = c.Write([]byte(line)) }()
			if got := codeOf(t, readLine(t, bufio.NewReader(c))); got != api.TooLarge {
				t.Errorf("got %s, want %s", got, api.TooLarge)
			}
			ended(t, c)
		})
	}
}

func TestSilentConnectionsEnd(t *testing.T) {
	r := start(t, &fake{}, func(s *Server) {
		s.limits.firstByte, s.limits.message, s.limits.idleLine = 50*time.Millisecond, 50*time.Millisecond, 50*time.Millisecond
		s.limits.idleHTTP = 50 * time.Millisecond
	})
	for name, text := range map[string]string{
		"nothing": "", "half a line": `{"acc`, "idle": `{"account":"work"}` + "\n", "half a header": "GET /v1/token HTTP/1.1\r\n",
		"half a body": "POST /v1/token HTTP/1.1\r\nHost: oauthd\r\nContent-Length: 20\r\nConnection: close\r\n\r\n{",
		"idle http":   "GET /v1/token?account=work HTTP/1.1\r\nHost: oauthd\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := dial(t, r.path)
			send(t, c, text)
			ended(t, c)
		})
	}
}

func TestDeafCallerIsDropped(t *testing.T) {
	big := strings.Repeat("x", 1<<20)
	r := start(t, &fake{token: func(context.Context, api.TokenRequest) (api.Token, error) {
		return api.Token{AccessToken: big}, nil
	}}, func(s *Server) { s.limits.write = 50 * time.Millisecond })
	for name, text := range map[string]string{
		"line": `{"account":"work"}` + "\n",
		"http": "GET /v1/token?account=work HTTP/1.1\r\nHost: oauthd\r\n\r\n",
	} {
		c := dial(t, r.path)
		send(t, c, text)
		t.Run(name, func(t *testing.T) {
			buf := make([]byte, 1)
			if _, err := c.Read(buf); err != nil {
				t.Errorf("got %v, want the first bytes", err)
			}
		})
	}
	// Serve returns only once the goroutines of both connections are gone, and neither caller reads on.
	began := time.Now()
	if err := r.stop(); err != nil || time.Since(began) > 4*time.Second {
		t.Errorf("got %v after %s, want the connections dropped at once", err, time.Since(began))
	}
}
