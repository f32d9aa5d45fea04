package ipc

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"oauthd/ipc/api"
)

// panicking is a backend that panics with a value that holds a secret of the request, wherever a request has one.
type panicking struct {
	fake
	value func(secret string) any
}

func (p *panicking) Token(_ context.Context, r api.TokenRequest) (api.Token, error) {
	panic(p.value(r.Audience))
}

func (p *panicking) Login(_ context.Context, _ string, def api.AccountDefinition, _ func(api.LoginEvent)) error {
	panic(p.value(string(def.ClientSecret)))
}

func (p *panicking) Import(_ context.Context, r api.ImportRequest, events func(api.ImportEvent)) error {
	events(api.ImportEvent{Event: api.EventFound})
	panic(p.value(string(r.Data)))
}

func (p *panicking) Callback(_ context.Context, _, pasted string) error { panic(p.value(pasted)) }

func (p *panicking) Unlock(_ context.Context, passphrase api.Confidential) error {
	panic(p.value(string(passphrase)))
}

// A panic may have anything for a value. What was logged and answered has nothing of it, nor of the request, in any form.
func TestPanicKeepsSecrets(t *testing.T) {
	const canary = "canary-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	post := func(path, body string) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: oauthd\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", path, len(body), body)
	}
	for name, value := range map[string]func(string) any{
		"text":       func(secret string) any { return secret },
		"an error":   func(secret string) any { return fmt.Errorf("cannot use %q", secret) },
		"an API's":   func(secret string) any { return &api.Error{Code: api.LoginRequired, Message: secret, Hint: secret} },
		"bytes":      func(secret string) any { return []byte(secret) },
		"a struct":   func(secret string) any { return struct{ Secret string }{secret} },
		"a function": func(secret string) any { return func() string { return secret } },
		"an abort":   func(secret string) any { return errors.Join(errors.New(secret), http.ErrAbortHandler) },
		"the runtime's": func(secret string) (v any) {
			defer func() { v = recover() }()
			return map[any]int{}[[]string{secret}]
		},
		"a wrong type": func(secret string) (v any) {
			defer func() { v = recover() }()
			return any(secret).(error)
		},
		"an index": func(secret string) (v any) {
			defer func() { v = recover() }()
			return secret[len(secret):][len(secret)]
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, &panicking{value: value}, nil)
			for what, request := range map[string]string{
				"token":    post("/v1/token", `{"account":"work","audience":"`+canary+`"}`),
				"login":    post("/v1/accounts/work/login", `{"issuer":"https://login.example.com","client_secret":"`+canary+`"}`),
				"import":   post(api.PathImport, `{"data":"`+canary+`","as":"work"}`),
				"callback": post("/v1/logins/work/callback", `{"url":"`+canary+`"}`),
				"unlock":   post("/v1/unlock", `{"passphrase":"`+canary+`"}`),
			} {
				_, body := exchange(t, s.path, request)
				if !strings.Contains(body, `"internal"`) {
					t.Errorf("%s: got %d bytes without the code internal", what, len(body))
				}
				if holds(body, canary) {
					t.Errorf("%s: the answer holds the secret", what)
				}
			}
			c := dial(t, s.path)
			send(t, c, `{"account":"work","audience":"`+canary+`"}`+"\n")
			if line := readLine(t, bufio.NewReader(c)); holds(line, canary) || !strings.Contains(line, "internal") {
				t.Error("the line's answer holds the secret, or is no error")
			}
			log := s.log.String()
			if holds(log, canary) {
				t.Error("the log holds the secret")
			}
			if got := strings.Count(log, "ipc: panic: "); got < 6 {
				t.Errorf("got %d panics in the log, want 6", got)
			}
		})
	}
}

// holds reports whether text has secret in it, as it is or in a form that Go or JSON may give it.
func holds(text, secret string) bool {
	for _, form := range []string{
		secret, hex.EncodeToString([]byte(secret)), base64.RawStdEncoding.EncodeToString([]byte(secret))[:40],
		strings.Trim(fmt.Sprint([]byte(secret)), "[]"), strings.Trim(strings.ReplaceAll(fmt.Sprint([]byte(secret)), " ", ","), "[]"),
	} {
		if strings.Contains(text, form) {
			return true
		}
	}
	return false
}
