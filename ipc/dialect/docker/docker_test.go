package docker

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"oauthd/ipc/api"

	"github.com/docker/docker-credential-helpers/credentials"
)

// daemon answers for these places, and nothing else.
type daemon struct {
	places  map[string]string // place → account
	account api.Account       // whatever its name
	token   string
	err     error
	asked   []string
}

func (d *daemon) Match(_ context.Context, place, _ string) (api.Match, error) {
	d.asked = append(d.asked, place)
	if d.places[place] == "" {
		return api.Match{}, &api.Error{Code: api.UnknownAccount}
	}
	return api.Match{Account: d.places[place]}, nil
}

func (d *daemon) Token(ctx context.Context, r api.TokenRequest) (api.Token, error) {
	if r.URL != "" {
		m, err := d.Match(ctx, r.URL, "")
		if err != nil {
			return api.Token{}, err
		}
		r.Account = m.Account
	}
	return api.Token{AccessToken: d.token, Account: r.Account}, d.err
}

func (d *daemon) Account(_ context.Context, name string) (api.Account, error) {
	a := d.account
	a.Name = name
	return a, nil
}

func (d *daemon) Accounts(context.Context) ([]api.Account, error) {
	return []api.Account{d.account}, d.err
}

func answer(t *testing.T, d *daemon, operation, in string) (out string, err error) {
	t.Helper()
	var b strings.Builder
	err = Serve(t.Context(), operation, strings.NewReader(in), &b, d)
	return b.String(), err
}

func TestGet(t *testing.T) {
	places := map[string]string{}
	for _, place := range []string{
		"registry.example.com", "registry.example.com:5000", "https://registry.example.com/v1/", "gcr.io", "eu.gcr.io",
		"us-docker.pkg.dev", "registry.gitlab.com", "ghcr.io", "http://localhost:5000", "https://gcr.io", "notgcr.io", "evil-pkg.dev",
	} {
		places[place] = "work"
	}
	for _, test := range []struct {
		server, user string
		account      api.Account
	}{
		{server: "registry.example.com", user: "work"},
		{server: "registry.example.com\n", user: "work"},
		{server: "registry.example.com", account: api.Account{Email: "ada@example.com"}, user: "ada@example.com"},
		{server: "registry.example.com", account: api.Account{Email: "ada:x@example.com"}, user: "work"},
		{server: "registry.example.com", account: api.Account{Email: "ada@example.com", Provider: "gitlab"}, user: "oauth2"},
		{server: "registry.example.com:5000", user: "work"},
		{server: "https://registry.example.com/v1/", user: "work"},
		{server: "localhost:5000", user: "work"},
		{server: "gcr.io", account: api.Account{Email: "ada@example.com"}, user: "oauth2accesstoken"},
		{server: "https://gcr.io", user: "oauth2accesstoken"},
		{server: "eu.gcr.io", user: "oauth2accesstoken"},
		{server: "us-docker.pkg.dev", user: "oauth2accesstoken"},
		{server: "notgcr.io", user: "work"},
		{server: "evil-pkg.dev", user: "work"},
		{server: "registry.gitlab.com", user: "oauth2"},
		{server: "ghcr.io", account: api.Account{Provider: "github"}, user: "work"},
	} {
		t.Run(test.server, func(t *testing.T) {
			out, err := answer(t, &daemon{places: places, account: test.account, token: "T"}, "get", test.server)
			var got credentials.Credentials
			if err := errors.Join(err, json.Unmarshal([]byte(out), &got)); err != nil {
				t.Fatalf("got %q, %v", out, err)
			}
			if want := (credentials.Credentials{ServerURL: strings.TrimSpace(test.server), Username: test.user, Secret: "T"}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// For a registry that is nobody's, the program is told what makes it go on; plain http is tried for this machine alone.
func TestNotFound(t *testing.T) {
	for server, asked := range map[string]string{
		"evil.example":           "evil.example",
		"http://evil.example":    "http://evil.example",
		"localhost:5000":         "localhost:5000 http://localhost:5000",
		"127.0.0.1:5000":         "127.0.0.1:5000 http://127.0.0.1:5000",
		"[::1]:5000":             "[::1]:5000 http://[::1]:5000",
		"127.0.0.1.evil.example": "127.0.0.1.evil.example",
		"%zz":                    "%zz",
	} {
		d := &daemon{token: "T"}
		out, err := answer(t, d, "get", server)
		if out != "credentials not found in native keychain\n" || !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: got %q, %v, want not found", server, out, err)
		}
		if got := strings.Join(d.asked, " "); got != asked {
			t.Errorf("%s: asked for %q, want %q", server, got, asked)
		}
	}
	if out, err := answer(t, &daemon{}, "erase", "evil.example"); out != "" || err != nil {
		t.Errorf("erase: got %q, %v, want nothing to do", out, err)
	}
}

// What stands in the way is written in one line, and never beside a credential.
func TestFailures(t *testing.T) {
	for _, test := range []struct {
		name, operation, in, token string
		err                        error
		want                       string
	}{
		{"a login is needed", "get", "registry.example.com", "T", &api.Error{Code: api.LoginRequired, Message: "work needs\na login", Hint: "oauthd login work"}, "work needs a login; hint: oauthd login work"},
		{"locked", "get", "registry.example.com", "T", &api.Error{Code: api.Locked, Message: "oauthd is locked", Hint: "oauthd unlock"}, "oauthd is locked; hint: oauthd unlock"},
		{"text from a stranger", "get", "registry.example.com", "T", &api.Error{Code: api.ProviderUnreachable, Message: "no\x1b[31m answer\u202e"}, "no[31m answer"},
		{"a line break", "get", "registry.example.com", "T\nx", nil, "the token of work has a line break, which no registry can take; hint: oauthd account show work"},
		{"a zero byte", "get", "registry.example.com", "T\x00", nil, "the token of work has a line break, which no registry can take; hint: oauthd account show work"},
		{"no registry", "get", "\n", "T", nil, "docker's request cannot be read: no credentials server URL; hint: docker-credential-oauthd is run by docker, podman, skopeo and the like"},
		{"too much", "get", strings.Repeat("x", 2*mostInput), "T", nil, "docker's request cannot be read: bufio.Scanner: token too long; hint: docker-credential-oauthd is run by docker, podman, skopeo and the like"},
		{"list", "list", "unused", "", &api.Error{Code: api.NoDaemon, Message: "no daemon runs", Hint: "oauthd serve"}, "no daemon runs; hint: oauthd serve"},
		{"store a password", "store", `{"ServerURL":"registry.example.com","Username":"ada","Secret":"hunter2"}`, "T", nil,
			"oauthd stores no passwords, so the one for registry.example.com was not saved; hint: the account work answers for it, without docker login"},
		{"store a password without a login", "store", `{"ServerURL":"registry.example.com","Username":"ada","Secret":"hunter2"}`, "", &api.Error{Code: api.LoginRequired},
			"oauthd stores no passwords, so the one for registry.example.com was not saved; hint: the account work answers for it, without docker login"},
		{"store elsewhere", "store", `{"ServerURL":"hub.example.com","Username":"ada","Secret":"hunter2"}`, "T", nil,
			"oauthd stores no passwords, so the one for hub.example.com was not saved; hint: for docker to save it, oauthd helper uninstall docker, and log in again"},
		{"erase", "erase", "registry.example.com", "T", nil, "the account work goes on answering for registry.example.com; hint: oauthd logout work ends its login"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := &daemon{places: map[string]string{"registry.example.com": "work"}, token: test.token, err: test.err}
			out, err := answer(t, d, test.operation, test.in)
			var known *api.Error
			if out != test.want+"\n" || !errors.As(err, &known) {
				t.Errorf("got %q, %v, want %q", out, err, test.want)
			}
			if test.err != nil && test.operation != "store" && !errors.Is(err, test.err) {
				t.Errorf("got %v, want %v", err, test.err)
			}
		})
	}
}

// docker login saves what it got from here once more.
func TestStoreOfTheTokenAtHand(t *testing.T) {
	d := &daemon{places: map[string]string{"http://localhost:5000": "work"}, token: "T"}
	if out, err := answer(t, d, "store", `{"ServerURL":"localhost:5000","Username":"work","Secret":"T"}`); out != "" || err != nil {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestList(t *testing.T) {
	d := &daemon{account: api.Account{Name: "work", Email: "ada@example.com", Hosts: []string{
		"registry.example.com", "https://other.example.com:5000/", "*.pkg.example.com", "api.example.com/v1", "eu.gcr.io", "http://127.0.0.1:5000",
	}}}
	out, err := answer(t, d, "list", "unused")
	want := `{"127.0.0.1:5000":"ada@example.com","eu.gcr.io":"oauth2accesstoken","other.example.com:5000":"ada@example.com","registry.example.com":"ada@example.com"}` + "\n"
	if err != nil || out != want {
		t.Errorf("got %q, %v, want %q", out, err, want)
	}
	if out, err := answer(t, &daemon{}, "list", ""); err != nil || out != "{}\n" {
		t.Errorf("without hosts: got %q, %v", out, err)
	}
}

func FuzzServe(f *testing.F) {
	f.Add("get", "registry.example.com")
	f.Add("store", `{"ServerURL":"registry.example.com","Username":"ada","Secret":"x"}`)
	f.Fuzz(func(t *testing.T, operation, in string) {
		d := &daemon{places: map[string]string{"registry.example.com": "work"}, token: "secret-T"}
		out, err := answer(t, d, operation, in)
		if strings.Contains(out, d.token) && (err != nil || operation != "get") {
			t.Errorf("%s %q: got %q, %v", operation, in, out, err)
		}
		if err != nil && strings.Count(out, "\n") != 1 {
			t.Errorf("%s %q: got %q, want one line", operation, in, out)
		}
	})
}
