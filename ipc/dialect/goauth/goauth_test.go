package goauth

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"oauthd/ipc/api"
)

// daemon answers for what it has a pattern for, and says which requests it got.
type daemon struct {
	token string
	err   error
	asked []string
}

func (d *daemon) Match(_ context.Context, place, _ string) (api.Match, error) {
	for _, m := range []api.Match{
		{Account: "team", Pattern: "https://go.example.com/team/"},
		{Account: "work", Pattern: "go.example.com"},
		{Account: "work", Pattern: "*.mod.example.com"},
	} {
		if strings.HasPrefix(place, "https://"+strings.TrimPrefix(m.Pattern, "https://")) || m.Pattern[0] == '*' && strings.Contains(place, m.Pattern[1:]) {
			return m, nil
		}
	}
	if strings.Contains(place, "both.example.com") {
		return api.Match{}, &api.Error{Code: api.Ambiguous, Message: "home and work answer equally well"}
	}
	return api.Match{}, &api.Error{Code: api.UnknownAccount}
}

func (d *daemon) Token(_ context.Context, r api.TokenRequest) (api.Token, error) {
	asked := r.Account
	if r.Force {
		asked += " by force"
	}
	d.asked = append(d.asked, asked)
	return api.Token{AccessToken: d.token}, d.err
}

func TestFirst(t *testing.T) {
	for _, test := range []struct {
		name          string
		hosts         []string
		err           error
		want, wantErr string
	}{
		{name: "no host is named"},
		{name: "one is", hosts: []string{"go.example.com"}, want: "https://go.example.com\n\nAuthorization: Bearer T\n\n"},
		{name: "two are", hosts: []string{"go.example.com", "https://a.mod.example.com:8443/x/"},
			want: "https://go.example.com\n\nAuthorization: Bearer T\n\nhttps://a.mod.example.com:8443\n\nAuthorization: Bearer T\n\n"},
		{name: "an unknown one", hosts: []string{"evil.example"}},
		{name: "one without encryption", hosts: []string{"http://go.example.com"}},
		{name: "two accounts", hosts: []string{"both.example.com"}, wantErr: "equally well"},
		{name: "locked", hosts: []string{"go.example.com"}, err: &api.Error{Code: api.Locked, Message: "oauthd is locked"}, wantErr: "is locked"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			err := First(t.Context(), test.hosts, &out, &daemon{token: "T", err: test.err})
			if out.String() != test.want {
				t.Errorf("got %q, want %q", &out, test.want)
			}
			if (err == nil) != (test.wantErr == "") || err != nil && !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("got %v, want %q", err, test.wantErr)
			}
		})
	}
}

func TestAgain(t *testing.T) {
	const (
		module = "https://go.example.com/x/@v/list"
		answer = "https://go.example.com\n\nAuthorization: Bearer T\n\n"
	)
	named := []string{"go.example.com/x"}
	for _, test := range []struct {
		name, place, head string
		hosts             []string
		want, asked       string
	}{
		{name: "nothing was sent", place: module, head: "HTTP/1.1 401 Unauthorized\n\n", want: answer, asked: "work"},
		{name: "HTTP/2", place: module, head: "HTTP/2.0 401 Unauthorized\nWww-Authenticate: Bearer error=\"invalid_token\"\n\n", want: answer, asked: "work by force"},
		{name: "a refusal that says so", place: module, head: "HTTP/1.1 403 Forbidden\nWWW-Authenticate: Bearer realm=\"x\", error=\"invalid_token\"\n\n", want: answer, asked: "work by force"},
		{name: "a refusal on a named host", place: module, hosts: named, head: "HTTP/1.1 401 Unauthorized\n\n", want: answer, asked: "work by force"},
		{name: "a ban on a named host", place: module, hosts: named, head: "HTTP/1.1 403 Forbidden\n\n", want: answer, asked: "work by force"},
		{name: "a token that covers too little", place: module, hosts: named, head: "HTTP/1.1 403 Forbidden\nWWW-Authenticate: Bearer error=\"insufficient_scope\"\n\n", want: answer, asked: "work"},
		{name: "beside what is named", place: "https://go.example.com/xy", hosts: named, head: "HTTP/1.1 401 Unauthorized\n\n", want: answer, asked: "work"},
		{name: "a query", place: "https://go.example.com/x?go-get=1", hosts: named, head: "HTTP/1.1 401 Unauthorized\n\n", want: answer, asked: "work by force"},
		{name: "404", place: module, hosts: named, head: "HTTP/1.1 404 Not Found\nWWW-Authenticate: Bearer error=\"invalid_token\"\n\n", want: answer, asked: "work"},
		{name: "410", place: module, hosts: named, head: "HTTP/1.1 410 Gone\n\n", want: answer, asked: "work"},
		{name: "429", place: module, hosts: named, head: "HTTP/1.1 429 Too Many Requests\n\n", want: answer, asked: "work"},
		{name: "no head", place: module, hosts: named, want: answer, asked: "work"},
		{name: "a pattern with a path", place: "https://go.example.com/team/y?go-get=1", head: "HTTP/1.1 404 Not Found\n\n",
			want: "https://go.example.com/team\n\nAuthorization: Bearer T\n\n", asked: "team"},
		{name: "a wildcard", place: "https://a.mod.example.com/y", head: "HTTP/1.1 401 Unauthorized\n\n",
			want: "https://a.mod.example.com\n\nAuthorization: Bearer T\n\n", asked: "work"},
		{name: "an unknown host", place: "https://evil.example/go.example.com", head: "HTTP/1.1 401 Unauthorized\n\n"},
		{name: "no URL", place: "go.example.com\nhttps://evil.example", head: "HTTP/1.1 401 Unauthorized\n\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := &daemon{token: "T"}
			var out strings.Builder
			if err := Again(t.Context(), test.hosts, test.place, strings.NewReader(test.head), &out, d); err != nil {
				t.Fatal(err)
			}
			if asked := strings.Join(d.asked, ", "); out.String() != test.want || asked != test.asked {
				t.Errorf("got %q after asking for %q, want %q after %q", &out, asked, test.want, test.asked)
			}
		})
	}
}

func TestTokenWithALineBreakIsRefused(t *testing.T) {
	for _, token := range []string{"T\nU", "T\rU", "T\x00U"} {
		var out strings.Builder
		err := Again(t.Context(), nil, "https://go.example.com/", strings.NewReader(""), &out, &daemon{token: token})
		if !errors.Is(err, &api.Error{Code: api.Unsupported}) || out.Len() > 0 {
			t.Errorf("%q: got %q, %v, want nothing and unsupported", token, &out, err)
		}
	}
}

// Whatever is asked, the answer is nothing, or one URL on the host that was asked for and one header.
func FuzzAgain(f *testing.F) {
	f.Add("https://go.example.com/x?go-get=1", "HTTP/1.1 401 Unauthorized\nWWW-Authenticate: Bearer\n\n")
	f.Add("https://go.example.com/team/%0a%0aX: y/../", "HTTP/2.0 404 Not Found\n\n")
	f.Add("https://a@b.mod.example.com:1/\n\n", "\n")
	f.Fuzz(func(t *testing.T, place, head string) {
		var out strings.Builder
		if err := Again(t.Context(), []string{"go.example.com"}, place, strings.NewReader(head), &out, &daemon{token: "T"}); err != nil || out.Len() == 0 {
			return
		}
		lines := strings.Split(out.String(), "\n")
		u, err := url.Parse(place)
		above, parsed := url.ParseRequestURI(lines[0])
		if err != nil || parsed != nil || above.Scheme != "https" || above.Host != u.Host || strings.Join(lines[1:], "\n") != "\nAuthorization: Bearer T\n\n" {
			t.Errorf("%q: got %q", place, &out)
		}
	})
}
