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

// apiServer is a cluster's. It takes the newest token of the account hub alone: the ID token or the access token, as idToken
// says.
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

// cluster is a desktop with kubectl, and an API server that takes tokens of the account hub.
type cluster struct {
	*clientDesk
	person   *agreeing
	provider *oauthtest.Running
	idToken  atomic.Bool // which kind the API server takes
	old      bool        // kubectl is Debian 12's: it knows v1beta1 alone, and never says interactive
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	storetest.Need(t, "kubectl")
	version, err := exec.CommandContext(t.Context(), "kubectl", "version", "--client").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{person: &agreeing{}, old: strings.Contains(string(version), "v1.20.")}
	c.clientDesk = newDesktopOf(t, c.person)
	c.provider = c.login(t, "hub")
	c.idToken.Store(true)
	server := apiServer(t, c.clientDesk, &c.idToken)
	c.allow(t, "hub", server)
	config := "apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: '" + server + "', insecure-skip-tls-verify: true}}]\n"
	if err := os.WriteFile(filepath.Join(c.dir, "cluster"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

// asking is a script that has kubectl ask the API server, as a user whose configuration the helper prints for these words.
func (c *cluster) asking(user, words string) string {
	if c.old {
		words += beta
	}
	return "oauthd helper kubectl --print-config " + words + " >user; kubectl get --raw /hello --cluster c --user " + user
}

const beta = " | sed s,k8s.io/v1$,k8s.io/v1beta1,"

func (c *cluster) kubectl(t *testing.T, argv ...string) (exit int, stdout, stderr string) {
	t.Helper()
	return c.run(t, []string{"XDG_RUNTIME_DIR=" + c.dir, "KUBECONFIG=" + c.dir + "/cluster:" + c.dir + "/user"}, argv...)
}

// wantRefusal checks that kubectl, with no person there, shows one line that ends in a hint.
func (c *cluster) wantRefusal(t *testing.T, hint string) {
	t.Helper()
	exit, stdout, stderr := c.kubectl(t, "sh", "-ec", c.asking("hub", "hub"))
	first, _, _ := strings.Cut(stderr, "\n")
	if exit == 0 || stdout != "" || !strings.HasPrefix(first, "oauthd: ") || !strings.HasSuffix(first, "; hint: "+hint) || c.person.questions.Load() > 0 {
		t.Errorf("got exit %d, %q, %s, %d questions, want a failure that shows a line with %q", exit, stdout, stderr, c.person.questions.Load(), hint)
	}
}

// The helper with real kubectl: both kinds of token, with the token replaced in between; by the account's name and by the
// cluster; and what a person sees if there is no token.
func TestKubectlHelper(t *testing.T) {
	c := newCluster(t)
	for _, test := range []struct {
		name    string
		idToken bool
		script  string
	}{
		{"by the scope", true, c.asking("hub", "hub")},
		{"an access token", false, c.asking("hub", "hub --id-token=false")},
		{"by the cluster", true, c.asking("oauthd", "--id-token")},
		{"of an older version", true, c.asking("hub", "hub"+beta)},
	} {
		t.Run(test.name, func(t *testing.T) {
			c.idToken.Store(test.idToken)
			for range 2 {
				if exit, stdout, stderr := c.kubectl(t, "sh", "-ec", test.script); exit != 0 || stdout != "hello" {
					t.Errorf("got exit %d, %q, %s, want to be let in", exit, stdout, stderr)
				}
				c.replace(t, "hub")
			}
		})
	}
	for _, o := range c.obstacles("hub", c.provider) {
		if err := o.put(t); err != nil {
			t.Fatal(err)
		}
		c.wantRefusal(t, o.want)
	}
}

// A person is asked to log in only if kubectl says that one is there.
func TestKubectlAtATerminal(t *testing.T) {
	storetest.Need(t, "script")
	c := newCluster(t)
	if c.old {
		t.Skip("kubectl 1.20 does not say whether a person is there")
	}
	if _, err := c.client.Logout(t.Context(), "hub"); err != nil {
		t.Fatal(err)
	}
	c.wantRefusal(t, "oauthd login hub")
	exit, stdout, stderr := c.kubectl(t, "script", "-qec", c.asking("hub", "hub"), "/dev/null")
	if exit != 0 || !strings.HasSuffix(stdout, "hello") || c.person.questions.Load() != 1 {
		t.Errorf("got exit %d, %q, %s, %d questions, want one question, and to be let in", exit, stdout, stderr, c.person.questions.Load())
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
