//go:build linux

package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"oauthd/daemon/attend"
	"oauthd/daemon/oauthtest"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
	"oauthd/ipc/dialect/kubectl"
	"oauthd/keystore/storetest"
)

// apiServer is a cluster's: it says hello to anyone who has the newest token of the account hub, of the kind that it takes.
func apiServer(t *testing.T, d *clientDesk, idToken *atomic.Bool) (url string) {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		newest, err := d.client.Token(r.Context(), api.TokenRequest{Account: "hub", IDToken: true})
		want := newest.AccessToken
		if idToken.Load() {
			want = newest.IDToken
		}
		if err != nil || r.Header.Get("Authorization") != "Bearer "+want {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte("hello"))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// The helper with real kubectl: both kinds of token, with the token replaced in between; by the account's name and by the
// cluster; and what a person sees if there is no token.
func TestKubectlHelper(t *testing.T) {
	if _, err := exec.LookPath("kubectl"); err != nil {
		t.Skip("kubectl is not installed; what it says is in helper-kubectl.txtar too")
	}
	storetest.Need(t, "script") // for a terminal
	person := &agreeing{}
	d := newDesktopOf(t, person)
	provider := d.login(t, "hub")
	var idToken atomic.Bool
	server := apiServer(t, d, &idToken)
	d.allow(t, "hub", server)
	config := "apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: '" + server + "', insecure-skip-tls-verify: true}}]\n"
	if err := os.WriteFile(filepath.Join(d.dir, "cluster"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	vars := []string{"XDG_RUNTIME_DIR=" + d.dir, "KUBECONFIG=" + d.dir + "/cluster:" + d.dir + "/user"}
	get := func(user, how string) string {
		return "oauthd helper kubectl --print-config " + how + " >user; kubectl get --raw /hello --cluster c --user " + user
	}
	for _, test := range []struct {
		name    string
		idToken bool
		script  string
	}{
		{"by the scope", true, get("hub", "hub")},
		{"an access token", false, get("hub", "hub --id-token=false")},
		{"by the cluster", true, get("oauthd", "--id-token")},
		{"of an older version", true, strings.Replace(get("hub", "hub"), ">user", "| sed s,k8s.io/v1,k8s.io/v1beta1, >user", 1)},
	} {
		t.Run(test.name, func(t *testing.T) {
			idToken.Store(test.idToken)
			for range 2 {
				if exit, stdout, stderr := d.run(t, vars, "sh", "-ec", test.script); exit != 0 || stdout != "hello" {
					t.Errorf("got exit %d, %q, %s, want to be let in", exit, stdout, stderr)
				}
				d.replace(t, "hub")
			}
		})
	}
	refused := func(want string) {
		t.Helper()
		exit, stdout, stderr := d.run(t, vars, "sh", "-ec", get("hub", "hub"))
		first, _, _ := strings.Cut(stderr, "\n")
		if exit == 0 || stdout != "" || !strings.HasPrefix(first, "oauthd: ") || !strings.HasSuffix(first, want) {
			t.Errorf("got exit %d, %q, %s, want a failure that shows a line with %q", exit, stdout, stderr, want)
		}
	}
	if _, err := d.client.Logout(t.Context(), "hub"); err != nil {
		t.Fatal(err)
	}
	refused("; hint: oauthd login hub")
	if person.questions.Load() > 0 {
		t.Error("a person was asked although kubectl says that none is there")
	}
	idToken.Store(true)
	exit, stdout, stderr := d.run(t, vars, "script", "-qec", get("hub", "hub"), "/dev/null")
	if exit != 0 || !strings.HasSuffix(stdout, "hello") || person.questions.Load() != 1 {
		t.Errorf("at a terminal: got exit %d, %q, %s, %d questions, want one question, and to be let in", exit, stdout, stderr, person.questions.Load())
	}
	for _, o := range d.obstacles("hub", provider) {
		if err := o.put(t); err != nil {
			t.Fatal(err)
		}
		refused("; hint: " + o.want)
	}
	if n := person.questions.Load(); n != 1 {
		t.Errorf("got %d questions, want none without a terminal", n-1)
	}
}

// agreeing is a person who agrees to every login.
type agreeing struct{ questions atomic.Int64 }

func (p *agreeing) Ask(context.Context, words.Question) (attend.Answer, error) {
	p.questions.Add(1)
	return attend.Answer{Agreed: true}, nil
}

func (p *agreeing) Tell(context.Context, words.Question) error { return nil }

func (p *agreeing) Open(ctx context.Context, url, _ string) error {
	_, err := oauthtest.Follow(ctx, nil, url, oauthtest.Allow)
	return err
}

// However many kubectl wait for a login at once, a person is asked once.
func TestKubectlCallsShareOneLogin(t *testing.T) {
	const calls = 300
	person := &agreeing{}
	d := newDesktopOf(t, person)
	r := kubectl.Request{Account: "gone", Kind: kubectl.IDToken,
		Info: `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":true}}`}
	answers := make([]strings.Builder, calls)
	var wait sync.WaitGroup
	for i := range answers {
		wait.Go(func() {
			if err := kubectl.Serve(t.Context(), r, &answers[i], d.client); err != nil {
				t.Errorf("got %v", err)
			}
		})
	}
	wait.Wait()
	if n := person.questions.Load(); n != 1 {
		t.Errorf("got %d questions, want 1", n)
	}
	newest, err := d.client.Token(t.Context(), api.TokenRequest{Account: "gone", IDToken: true})
	if err != nil {
		t.Fatal(err)
	}
	for i := range answers {
		if !strings.Contains(answers[i].String(), `"token":"`+newest.IDToken+`"`) {
			t.Fatal("a call got another token than the newest")
		}
	}
}
