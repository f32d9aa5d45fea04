package ipc

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/url"
	"strings"
	"testing"

	"oauthd/ipc/api"
	"oauthd/ipc/api/apitest"
)

// hostile is a backend that answers everything with a stranger's text, or fails with it.
type hostile struct {
	text string
	fail bool
}

func answer[T any](h *hostile) (T, error) { return apitest.Fill[T](h.text), h.err() }

func (h *hostile) err() error {
	if !h.fail {
		return nil
	}
	return &api.Error{Code: api.ProviderRejected, Message: "the provider said " + h.text, Hint: "oauthd login a --scope " + h.text}
}

func (h *hostile) Token(context.Context, api.TokenRequest) (api.Token, error) {
	return answer[api.Token](h)
}
func (h *hostile) Proof(context.Context, api.ProofRequest) (api.Proof, error) {
	return answer[api.Proof](h)
}
func (h *hostile) Accounts(context.Context) ([]api.Account, error) { return answer[[]api.Account](h) }
func (h *hostile) Account(context.Context, string) (api.Account, error) {
	return answer[api.Account](h)
}
func (h *hostile) Providers(context.Context) ([]api.Provider, error) {
	return answer[[]api.Provider](h)
}
func (h *hostile) Hold(context.Context, api.TokenRequest) (api.Token, func(context.Context, func()), error) {
	t, err := answer[api.Token](h)
	return t, nil, err
}
func (h *hostile) Provider(context.Context, string) (api.Provider, error) {
	return answer[api.Provider](h)
}
func (h *hostile) Match(context.Context, string, string) (api.Match, error) {
	return answer[api.Match](h)
}
func (h *hostile) NoteProxied(context.Context, []api.ProxiedRequest) error { return nil }
func (h *hostile) Whoami(context.Context) (api.Evidence, error)            { return answer[api.Evidence](h) }
func (h *hostile) CheckPolicy(context.Context, api.PolicyQuestion) (api.PolicyAnswer, error) {
	return answer[api.PolicyAnswer](h)
}
func (h *hostile) Consents(context.Context) (api.Consents, error) { return answer[api.Consents](h) }
func (h *hostile) AnswerConsent(context.Context, string, api.ConsentAnswer) (api.ConsentTaken, error) {
	return answer[api.ConsentTaken](h)
}
func (h *hostile) ForgetConsents(context.Context, string) (api.Forgotten, error) {
	return answer[api.Forgotten](h)
}
func (h *hostile) Audit(context.Context, api.AuditRequest) (iter.Seq2[api.AuditEvent, error], error) {
	return func(yield func(api.AuditEvent, error) bool) {
		_ = yield(apitest.Fill[api.AuditEvent](h.text), nil) && yield(api.AuditEvent{}, h.err())
	}, nil
}
func (h *hostile) Sockets(context.Context) ([]api.Socket, error) { return answer[[]api.Socket](h) }
func (h *hostile) AddSocket(context.Context, api.SocketRequest) (api.Socket, error) {
	return answer[api.Socket](h)
}
func (h *hostile) EndSocket(context.Context, string) (api.Socket, error) {
	return answer[api.Socket](h)
}
func (h *hostile) Status(context.Context) (api.Status, error) { return answer[api.Status](h) }
func (h *hostile) Reload(context.Context) (api.ReloadResult, error) {
	return answer[api.ReloadResult](h)
}
func (h *hostile) Callback(context.Context, string, string) error { return h.err() }
func (h *hostile) CancelLogin(context.Context, string) error      { return h.err() }
func (h *hostile) Shutdown(context.Context) error                 { return h.err() }
func (h *hostile) Lock(context.Context) error                     { return h.err() }
func (h *hostile) Unlock(context.Context, api.Confidential) error { return h.err() }

func (h *hostile) ChooseStore(context.Context, api.StoreChoice) (api.StoreChosen, error) {
	return answer[api.StoreChosen](h)
}

func (h *hostile) Files(context.Context) ([]api.File, error) { return answer[[]api.File](h) }

func (h *hostile) AddFile(context.Context, api.FileRequest) (api.File, error) {
	return answer[api.File](h)
}

func (h *hostile) EndFile(context.Context, string) (api.File, error) { return answer[api.File](h) }

func (h *hostile) Remove(context.Context, string) (api.LogoutResult, error) {
	return answer[api.LogoutResult](h)
}

func (h *hostile) Logout(context.Context, string) (api.LogoutResult, error) {
	return answer[api.LogoutResult](h)
}

func (h *hostile) Login(_ context.Context, _ string, _ api.AccountDefinition, events func(api.LoginEvent)) error {
	events(apitest.Fill[api.LoginEvent](h.text))
	return h.err()
}

func (h *hostile) Import(_ context.Context, _ api.ImportRequest, events func(api.ImportEvent)) error {
	events(apitest.Fill[api.ImportEvent](h.text))
	return h.err()
}

func (h *hostile) Watch(context.Context, string) (iter.Seq2[api.WatchEvent, error], error) {
	return func(yield func(api.WatchEvent, error) bool) {
		_ = yield(apitest.Fill[api.WatchEvent](h.text), nil) && yield(api.WatchEvent{}, h.err())
	}, nil
}

// Whatever a provider, a certificate, a file or a caller has put into a text: what curl or nc shows of an answer is text,
// and an error is short enough to be read.
func FuzzAnswersAreText(f *testing.F) {
	for _, seed := range apitest.Hostile() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h := &hostile{text: text}
		server := start(t, h, nil)
		// of sends one request and judges all that comes back.
		of := func(request string) {
			c := dial(t, server.path)
			defer c.Close()
			send(t, c, request)
			_ = c.CloseWrite()
			answer, err := io.ReadAll(c)
			if err != nil {
				t.Fatal(err)
			}
			if bad := apitest.Unprintable(strings.ReplaceAll(string(answer), "\r\n", "\n")); bad != "" {
				what, _, _ := strings.Cut(request, "\r\n")
				t.Errorf("%q, failing %t: the answer shows %s", what, h.fail, bad)
			}
			checkError(t, answer)
		}
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, h.fail = range []bool{false, true} {
			of(`{"account":"work"}` + "\n")
			for _, rt := range (&serving{Server: New(Config{Backend: backendOf(h)})}).routes() {
				if rt.path != api.PathShutdown {
					of(requestTo(rt.method, strings.NewReplacer("{name}", "work", "{id}", "work").Replace(rt.path), rt.body > 0))
				}
			}
		}
		for _, line := range []string{`{"account":%s}`, `{"account":"work","scope":%s}`, `{%s:1}`, `{"min_ttl":%s}`, `%s`} {
			of(fmt.Sprintf(line, quoted) + "\n")
		}
		of(requestTo("GET", "/v1/accounts/"+url.PathEscape(text), false))
		of(requestTo("GET", "/v1/token?"+url.QueryEscape(text)+"=x&account="+url.QueryEscape(text), false))
		of(requestTo("GET", "/v1/watch?account="+url.QueryEscape(text), false))
	})
}

func requestTo(method, target string, body bool) string {
	text := ""
	if body {
		text = `{}`
		if strings.HasSuffix(target, "/token") || strings.HasSuffix(target, "/files") || strings.HasSuffix(target, "/policy") || strings.HasSuffix(target, "/sockets") {
			text = `{"account":"work"}`
		}
	}
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: oauthd\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", method, target, len(text), text)
}

// checkError judges the size of every error in an answer.
func checkError(t *testing.T, answer []byte) {
	t.Helper()
	const most = 4001
	lines := bufio.NewScanner(strings.NewReader(string(answer)))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var body api.ErrorBody
		if json.Unmarshal(lines.Bytes(), &body) != nil || body.Error == nil {
			continue
		}
		if m, h := len([]rune(body.Error.Message)), len([]rune(body.Error.Hint)); m > most || h > most {
			t.Errorf("got a message of %d and a hint of %d characters, want at most %d", m, h, most)
		}
	}
}
