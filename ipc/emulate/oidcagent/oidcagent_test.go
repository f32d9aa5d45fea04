package oidcagent

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"oauthd/ipc/api"
)

// daemon has some accounts, and a token for each.
type daemon struct {
	accounts map[string]api.Account
	token    api.Token
	err      error
	asked    api.TokenRequest
}

func (d *daemon) Token(_ context.Context, r api.TokenRequest) (api.Token, error) {
	d.asked = r
	t := d.token
	t.Account = r.Account
	if _, ok := d.accounts[r.Account]; !ok {
		return api.Token{}, &api.Error{Code: api.UnknownAccount, Message: `there is no account "` + r.Account + `"`, Hint: "oauthd accounts"}
	}
	return t, d.err
}

func (d *daemon) Account(_ context.Context, name string) (api.Account, error) {
	return d.accounts[name], d.err
}

func (d *daemon) Accounts(context.Context) ([]api.Account, error) {
	var all []api.Account
	for _, name := range slices.Sorted(maps.Keys(d.accounts)) {
		all = append(all, d.accounts[name])
	}
	return all, d.err
}

func household() *daemon {
	at := time.Unix(4102444800, 0)
	d := &daemon{accounts: map[string]api.Account{}, token: api.Token{AccessToken: "at-1", TokenType: "Bearer", ExpiresAt: &at, IDToken: "a.b.c"}}
	for _, a := range []api.Account{
		{Name: "work", Issuer: "https://id.example.com", State: api.StateReady},
		{Name: "lab", Issuer: "https://lab.example.com/", State: api.StateError},
		{Name: "lab2", Issuer: "https://lab.example.com", State: api.StateLoginRequired},
		{Name: "hub", State: api.StateReady},
	} {
		d.accounts[a.Name] = a
	}
	return d
}

// ask sends request as it is, keeps the connection open as the libraries do, and returns the answer.
func ask(t *testing.T, d Daemon, request string) string {
	t.Helper()
	client, server := net.Pipe()
	served := make(chan error, 1)
	go func() {
		served <- Serve(t.Context(), server, d)
		_ = server.Close()
	}()
	// What the server does not read any more, it refuses to take.
	go func() { _, _ = io.WriteString(client, request) }()
	answer, err := io.ReadAll(client)
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

func TestPlain(t *testing.T) {
	for name, test := range map[string]struct{ request, want string }{
		"access token": {
			`{"request":"access_token","account":"work","min_valid_period":60,"application_hint":"x"}`,
			`{"status":"success","access_token":"at-1","issuer":"https://id.example.com","expires_at":4102444800}`,
		},
		"by issuer, with a slash": {
			`{"request": "access_token", "issuer": "https://id.example.com/"}`,
			`{"status":"success","access_token":"at-1","issuer":"https://id.example.com","expires_at":4102444800}`,
		},
		"several accounts of one issuer": {
			`{"request":"access_token","issuer":"https://lab.example.com"}`,
			`{"status":"failure","error":"2 accounts have the issuer https://lab.example.com: lab, lab2","info":"name the account instead, such as lab\n"}`,
		},
		"an issuer of nobody": {
			`{"request":"access_token","issuer":"https://id.example.com/x"}`,
			`{"status":"failure","error":"no account has the issuer https://id.example.com/x","info":"oauthd login NAME --issuer URL makes one; oauthd accounts lists those that exist\n"}`,
		},
		"an unknown account": {
			`{"request":"access_token","account":"nobody"}`,
			`{"status":"failure","error":"there is no account \"nobody\"","info":"oauthd accounts\n"}`,
		},
		"neither": {
			`{"request":"access_token"}`,
			`{"status":"failure","error":"the request names neither an account nor an issuer","info":"oauthd accounts lists the accounts\n"}`,
		},
		"id token":        {`{"request":"id_token","account":"work"}`, `{"status":"success","id_token":"a.b.c","issuer":"https://id.example.com"}`},
		"loaded accounts": {`{"request":"loaded_accounts"}`, `{"status":"success","info":["hub","lab","work"]}`},
		"account info": {
			`{"request":"account_info"}`,
			`{"status":"success","info":{"":{"pubclient":false,"accounts":{"hub":true}},` +
				`"https://id.example.com":{"pubclient":false,"accounts":{"work":true}},` +
				`"https://lab.example.com":{"pubclient":false,"accounts":{"lab":true,"lab2":false}}}}`,
		},
		"is somebody there": {`{"request":"check"}`, `{"status":"success"}`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ask(t, household(), test.request); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestWhatTheDaemonIsAsked(t *testing.T) {
	seconds := func(n int64) *int64 { return &n }
	for name, test := range map[string]struct {
		more string
		want api.TokenRequest
	}{
		"nothing more":              {``, api.TokenRequest{}},
		"no minimum":                {`,"min_valid_period":0`, api.TokenRequest{}},
		"a minimum":                 {`,"min_valid_period":90`, api.TokenRequest{MinTTL: seconds(90)}},
		"a minimum as a string":     {`,"min_valid_period":"90"`, api.TokenRequest{MinTTL: seconds(90)}},
		"a minimum beyond all":      {`,"min_valid_period":1e30`, api.TokenRequest{MinTTL: seconds(1<<31 - 1)}},
		"an empty minimum":          {`,"min_valid_period":null`, api.TokenRequest{}},
		"oidc-token --force-new":    {`,"min_valid_period":-1`, api.TokenRequest{Force: true}},
		"scope and audience":        {`,"scope":"openid email","audience":"a b"`, api.TokenRequest{Scope: "openid email", Audience: "a b"}},
		"what oidc-agent would not": {`,"interactive":true,"force":true,"url":"https://x.example.com"`, api.TokenRequest{}},
	} {
		t.Run(name, func(t *testing.T) {
			d := household()
			ask(t, d, `{"request":"access_token","account":"work"`+test.more+`}`)
			test.want.Account = "work"
			got, _ := json.Marshal(d.asked)
			want, _ := json.Marshal(test.want)
			if string(got) != string(want) {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	d := household()
	d.err = &api.Error{Code: api.LoginRequired, Message: "work: log in\x1b[31m", Hint: "oauthd login work"}
	want := `{"status":"failure","error":"work: log in[31m","info":"oauthd login work\n"}`
	for _, request := range []string{
		`{"request":"access_token","account":"work"}`, `{"request":"loaded_accounts"}`, `{"request":"account_info"}`,
		`{"request":"access_token","issuer":"https://id.example.com"}`,
	} {
		if got := ask(t, d, request); got != want {
			t.Errorf("%s: got %s, want %s", request, got, want)
		}
	}
	for _, token := range []string{"at\n1", "at\x001", "at 1", "at;reboot", "at$(x)", "at`x`", "ät"} {
		d := household()
		d.token.AccessToken = token
		if got := ask(t, d, `{"request":"access_token","account":"work"}`); !strings.Contains(got, `"error":"the token of work has characters`) || strings.Contains(got, "access_token") {
			t.Errorf("token %q: got %s", token, got)
		}
	}
	unknown := household()
	unknown.token.ExpiresAt = nil
	if got := ask(t, unknown, `{"request":"access_token","account":"hub"}`); got != `{"status":"success","access_token":"at-1","issuer":"","expires_at":0}` {
		t.Errorf("no issuer, no expiry: got %s", got)
	}
}

func TestRefusals(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range refusals() {
		for _, name := range r.requests {
			if seen[name] || r.message == "" || r.hint == "" {
				t.Errorf("%s: there twice, or without words", name)
			}
			seen[name] = true
			var got failure
			if err := json.Unmarshal([]byte(ask(t, household(), `{"request":"`+name+`","config":{"refresh_token":"sentinel"}}`)), &got); err != nil {
				t.Fatal(err)
			}
			if want := (failure{"failure", r.message, r.hint + "\n"}); got != want {
				t.Errorf("%s: got %v, want %v", name, got, want)
			}
		}
	}
	for _, request := range []string{`{}`, `{"request":"brew \u001b[1m"}`} {
		if got := ask(t, household(), request); !strings.Contains(got, "does not know the request") || strings.Contains(got, "u001b") {
			t.Errorf("%s: got %s", request, got)
		}
	}
	for _, request := range []string{`{"request":5}`, `{]`, `{"request":"access_token","min_valid_period":"soon"}`, "GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n"} {
		if got := ask(t, household(), request); !strings.Contains(got, "cannot read this request") {
			t.Errorf("%q: got %s", request, got)
		}
	}
	if got := ask(t, household(), `{"request":"`+strings.Repeat("x", 4*mostRequest)); !strings.Contains(got, "more than 16384 bytes") {
		t.Errorf("without end: got %s", got)
	}
}
