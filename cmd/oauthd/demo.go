package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"oauthd/cmd/oauthd/screen"
	"oauthd/daemon"
	"oauthd/daemon/config"
	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
	"oauthd/ipc/client"
	"oauthd/keystore"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
)

const (
	demoAccount = "demo"
	demoClient  = "oauthd-demo"
	// demoLifetime is short, so that a person can watch a token end.
	demoLifetime = 4 * time.Second
)

func newDemo(std stdio) *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "try it: a login and tokens on this machine, then nothing left",
		Long: `Starts an authorization server and a daemon of its own on this machine, logs in once,
fetches tokens as other programs would, and shows that many callers with an expired
token cause one refresh. Nothing of yours is touched, and nothing is left behind.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := &demo{std: std}
			err := d.run(cmd.Context(), keep)
			if keep && cmd.Context().Err() != nil {
				return nil // Ctrl-C is how --keep ends
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "leave the daemon and the server running until Ctrl-C")
	return cmd
}

// demo is one run: a server, a daemon, and the story told along the way.
type demo struct {
	std    stdio
	server *oauthtest.Running
	socket string
	client *client.Client
	step   int
}

func (d *demo) run(ctx context.Context, keep bool) (err error) {
	dir, err := os.MkdirTemp("", "oauthd-demo-")
	if err != nil {
		return demoProblem(err)
	}
	defer os.RemoveAll(dir)
	d.socket = socketIn(dir)
	d.client = &client.Client{Socket: d.socket}
	defer d.client.Close()

	d.say("oauthd demo: all of it on this machine, nothing of yours touched, nothing left behind.")
	d.server, err = oauthtest.Listen(oauthtest.Config{
		Clients:             []oauthtest.Client{{ID: demoClient, Name: "oauthd demo", RedirectURIs: []string{"http://127.0.0.1/callback"}}},
		AccessTokenLifetime: demoLifetime,
	})
	if err != nil {
		return demoProblem(err)
	}
	defer d.server.Close()
	d.head("An authorization server", "stands in for Google, Microsoft and the like: %s", d.server.Issuer())

	stop, err := d.startDaemon(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	d.head("A daemon", "listens on %s and keeps credentials in memory", d.socket)

	for _, part := range []func(context.Context) error{d.login, d.token, d.expire, d.burst} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	d.next()
	if keep {
		d.usage()
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

// startDaemon runs a daemon in this process; stop ends it and returns what went wrong in it.
func (d *demo) startDaemon(ctx context.Context, dir string) (stop func() error, err error) {
	ctx, cancel := context.WithCancel(ctx)
	ready := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- runDaemon(ctx, daemon.Config{
			Dir:       filepath.Join(dir, "config"),
			Config:    &config.Config{Backend: "memory"},
			Store:     &keystore.Memory{},
			Log:       zerolog.Nop(),
			UID:       os.Getuid(),
			Version:   release,
			Socket:    d.socket,
			StartedBy: "oauthd demo",
		}, func(api.Status, error) { close(ready) })
	}()
	select {
	case <-ready:
		return func() error { cancel(); return <-ended }, nil
	case err := <-ended:
		cancel()
		return nil, err
	}
}

// login is one real login through the loopback redirect, in the browser if there is one.
func (d *demo) login(ctx context.Context) error {
	d.head("One login", "is all a person ever does. On a real provider: oauthd login NAME")
	var agent sync.WaitGroup
	defer agent.Wait()
	err := d.client.Login(ctx, demoAccount, api.AccountDefinition{
		Issuer:   d.server.Issuer(),
		ClientID: demoClient,
		Scopes:   []string{"openid", "email", "calendar.read"},
	}, func(e api.LoginEvent) error {
		switch e.Event {
		case api.EventAuthorize:
			if opened, _ := openBrowser(e.URL); opened {
				d.say("   Your browser opens; press Allow there. If it does not open:\n   %s", e.URL)
				return nil
			}
			d.say("   No browser here ($BROWSER, $DISPLAY are unset), so a built-in user agent follows the pages by HTTP.")
			agent.Go(func() { _, _ = oauthtest.Follow(ctx, nil, e.URL, oauthtest.Allow) })
		case api.EventDone:
			d.say("   Logged in as %s; granted: %s", e.Email, strings.Join(e.ScopesGranted, " "))
		}
		return nil
	})
	return err
}

// token fetches one as a separate process does, and shows that an API takes it.
func (d *demo) token(ctx context.Context) error {
	d.head("A token", "for any program of yours, and none of them sees the refresh token")
	self, err := os.Executable()
	if err != nil {
		return demoProblem(err)
	}
	cmd := exec.CommandContext(ctx, self, "token", demoAccount)
	cmd.Env = append(os.Environ(), "OAUTHD_SOCK="+d.socket, "OAUTHD_NO_AUTOSTART=1")
	cmd.Stderr = screen.Raw(d.std.err)
	begin := time.Now()
	out, err := cmd.Output()
	took := time.Since(begin)
	if err != nil {
		return demoProblem(fmt.Errorf("oauthd token: %w", err))
	}
	access := strings.TrimSpace(string(out))
	d.say("   $ oauthd token %s\n   %s   (%d ms, start of the process included)", demoAccount, abridged(access), took.Milliseconds())
	if err := d.call(ctx, access); err != nil {
		return err
	}
	d.say("   An API of the provider takes it: 200 OK")
	return nil
}

// call asks the server's API with a token.
func (d *demo) call(ctx context.Context, access string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, d.server.URL+"/api/hello", nil)
	if err != nil {
		return demoProblem(err)
	}
	r.Header.Set("Authorization", "Bearer "+access)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return demoProblem(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return demoProblem(fmt.Errorf("the API answered %s", resp.Status))
	}
	return nil
}

// expire lets the token end and shows that the next one is another.
func (d *demo) expire(ctx context.Context) error {
	d.head("It ends", "after %s here, after an hour elsewhere", demoLifetime)
	before, err := d.client.Token(ctx, api.TokenRequest{Account: demoAccount})
	if err != nil {
		return err
	}
	if err := waitExpired(ctx, before); err != nil {
		return err
	}
	after, err := d.client.Token(ctx, api.TokenRequest{Account: demoAccount})
	if err != nil {
		return err
	}
	if after.AccessToken == before.AccessToken {
		return demoProblem(errors.New("the expired token was served again"))
	}
	if err := d.call(ctx, after.AccessToken); err != nil {
		return err
	}
	d.say("   before  %s\n   after   %s   refreshed, and nobody was asked", abridged(before.AccessToken), abridged(after.AccessToken))
	return nil
}

// burst has ten callers at an expired token at once.
func (d *demo) burst(ctx context.Context) error {
	const callers = 10
	d.head("Ten callers at once", "at an expired token: where tools refresh on their own, they log each other out")
	last, err := d.client.Token(ctx, api.TokenRequest{Account: demoAccount})
	if err != nil {
		return err
	}
	if err := waitExpired(ctx, last); err != nil {
		return err
	}
	before := d.server.TokenRequests("refresh_token")
	var wait sync.WaitGroup
	tokens := make([]api.Token, callers)
	errs := make([]error, callers)
	for i := range callers {
		wait.Go(func() { tokens[i], errs[i] = d.client.Token(ctx, api.TokenRequest{Account: demoAccount}) })
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	distinct := map[string]bool{}
	for _, t := range tokens {
		distinct[t.AccessToken] = true
	}
	cost := d.server.TokenRequests("refresh_token") - before
	d.say("   %d callers, %d refresh at the provider, %d token for all of them", callers, cost, len(distinct))
	if cost != 1 || len(distinct) != 1 {
		return demoProblem(errors.New("ten callers should have cost one refresh"))
	}
	return nil
}

// next says how to do the same with Google.
func (d *demo) next() {
	d.say(`
That is all there is to it. The same with Google, once you have made a client of type
"Desktop app" in its console and downloaded its JSON:

   oauthd login work --client-secrets client_secret.json --scope openid --scope email
   oauthd token work
   oauthd token work --format header | curl -H @- https://openidconnect.googleapis.com/v1/userinfo`)
}

// usage says how to use what --keep leaves running.
func (d *demo) usage() {
	self, err := os.Executable()
	if err != nil || strings.Contains(self, "go-build") {
		self = "go run ./cmd/oauthd"
	}
	if runtime.GOOS == "windows" {
		d.say(`
The daemon and the server go on running until Ctrl-C. From another PowerShell:

   $env:OAUTHD_SOCK = '%s'
   & '%s' token %s
   & '%s' status`, d.socket, self, demoAccount, self)
		return
	}
	d.say(`
The daemon and the server go on running until Ctrl-C. From another terminal:

   export OAUTHD_SOCK=%s
   %s token %s
   %s status
   curl --unix-socket "$OAUTHD_SOCK" 'http://oauthd/v1/token?account=%s'
   printf '{"account":"%s"}\n' | nc -NU "$OAUTHD_SOCK"
   %s token %s --format header | curl -H @- %s/api/hello`,
		d.socket, self, demoAccount, self, demoAccount, demoAccount, self, demoAccount, d.server.URL)
}

func (d *demo) say(format string, args ...any) { screen.Say(d.std.out, format+"\n", args...) }

// head begins a step: a bold title on a terminal, and one line more.
func (d *demo) head(title, format string, args ...any) {
	d.step++
	bold, plain := "", ""
	if screen.IsTerminal(d.std.out) && os.Getenv("NO_COLOR") == "" {
		bold, plain = "\x1b[1m", "\x1b[0m"
	}
	fmt.Fprintf(screen.Raw(d.std.out), "\n%s%d  %s%s  ", bold, d.step, title, plain)
	d.say(format, args...)
}

// waitExpired waits for the end of t.
func waitExpired(ctx context.Context, t api.Token) error {
	if t.ExpiresAt == nil {
		return demoProblem(errors.New("the token has no end"))
	}
	timer := time.NewTimer(time.Until(*t.ExpiresAt) + time.Second) // expires_at is cut to whole seconds
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// abridged shows enough of a token to tell it from another.
func abridged(token string) string {
	if len(token) <= 12 {
		return token
	}
	return token[:12] + "…"
}

func demoProblem(err error) error {
	e := &api.Error{Code: api.Internal, Message: "the demo did not work: " + api.Excerpt(err.Error()), Hint: "oauthd serve and oauthd login show more"}
	return e.Because(err)
}
