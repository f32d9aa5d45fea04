package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net"
	"net/url"
	"runtime"
	"strings"
	"time"

	"oauthd/cmd/oauthd/process"
	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc"
	"oauthd/ipc/api"
	"oauthd/ipc/emulate"
	"oauthd/ipc/match"
	"oauthd/ipc/proxy"

	"github.com/spf13/cobra"
)

// injection is what proxy was asked for.
type injection struct {
	account, upstream, listen string
	limits                    proxy.Limits
	ttl                       time.Duration
	log                       bool
	token                     tokenFlags
}

func newProxy(std stdio) *cobra.Command {
	var in injection
	cmd := &cobra.Command{
		Use:   "proxy NAME --upstream URL",
		Short: "let a program use an account without a token",
		Long: `Passes HTTP requests on to the server at URL, with the account's access token in
them, until Ctrl-C. Prints the URL that a program uses instead. An Authorization
header that the program sends is removed; redirects are passed back to it.

The account's hosts must allow the upstream. --method and --path limit what is
passed on. The URL has a secret in it, and on Linux other users' programs are
refused even with that; a socket (--listen unix:PATH) is for you alone.`,
		Example: `  oauthd proxy work --upstream https://api.example.com --method GET --path /v1/
  oauthd proxy work --upstream https://api.example.com --listen unix:api/s
  curl --unix-socket api/s http://localhost/v1/me`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in.account, in.token.form.Format = args[0], api.FormatRaw
			if err := in.token.settle(cmd); err != nil {
				return err
			}
			return in.run(cmd.Context(), std)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&in.upstream, "upstream", "", "the server: https://api.example.com, with a path if you like")
	flags.StringVar(&in.listen, "listen", "127.0.0.1:0", "where to listen: 127.0.0.1:PORT or unix:PATH")
	flags.StringArrayVar(&in.limits.Methods, "method", nil, "a method that is passed on (default: all); may be repeated")
	flags.StringArrayVar(&in.limits.Paths, "path", nil, "what a path must begin with (default: /); may be repeated")
	flags.DurationVar(&in.ttl, "ttl", 0, "end after this time, such as 8h (default: at Ctrl-C)")
	flags.BoolVar(&in.log, "log", false, "print a line for each request on stderr")
	flags.StringArrayVar(&in.token.scopes, "scope", nil, "a scope the token must cover; may be repeated")
	flags.StringVar(&in.token.request.Audience, "audience", "", "use a token for this audience")
	flags.StringVar(&in.token.request.Resource, "resource", "", "use a token for this resource (RFC 8707)")
	flags.DurationVar(&in.token.minTTL, "min-ttl", 0, "how long the token must still be valid")
	in.token.addLogin(flags)
	return cmd
}

func (in *injection) run(ctx context.Context, std stdio) error {
	to, err := in.check()
	if err != nil {
		return err
	}
	c := starting()
	defer c.Close()
	in.token.request.URL = to.String() // the daemon gives no token for it unless the account's hosts allow that
	if _, err := in.token.token(ctx, std, c, in.account); err != nil {
		return err
	}
	l, secret, err := in.open(ctx)
	if err != nil {
		return err
	}
	tokens := unattended()
	defer tokens.Close()
	cfg := proxy.Config{
		Upstream: to, Request: in.token.of(in.account), Secret: secret, Limits: in.limits, Complain: complaints(std.err),
		Note: tokens.NoteProxied,
	}
	if in.log {
		cfg.Log = func(method, path string, status int) { screen.Say(std.err, "%s %s %d\n", method, path, status) }
	}
	h := proxy.New(cfg, tokens, nil)
	serving, cancel := context.WithCancel(ctx)
	if in.ttl > 0 {
		serving, cancel = context.WithTimeout(ctx, in.ttl)
	}
	defer cancel()
	rest := process.NewRest() // streams stay open for hours
	go rest.Run(serving, nil)
	if secret == "" {
		screen.Say(std.out, "%s\n", in.listen)
		err = proxy.Serve(serving, l, rest.Handler(h))
	} else {
		screen.Say(std.out, "http://%s/%s\n", l.Addr(), secret)
		err = emulate.Serve(serving, l, emulate.Checks(), rest.Handler(h))
	}
	settle(h)
	if err == nil {
		err = ctx.Err() // at the end of --ttl there is none
	}
	return err
}

// check returns the upstream.
func (in *injection) check() (*url.URL, error) {
	if err := api.CheckAccountName(in.account); err != nil {
		return nil, err
	}
	if in.upstream == "" {
		return nil, badRequest("a proxy is for one server, and none is given", "oauthd proxy "+in.account+" --upstream https://api.example.com")
	}
	if in.ttl < 0 {
		return nil, badRequest("--ttl must not be negative", "--ttl 8h ends the proxy after eight hours")
	}
	if err := in.limits.Check(); err != nil {
		return nil, err
	}
	return readUpstream(in.upstream, "--upstream https://api.example.com")
}

// readUpstream reads the URL of a server that may be sent tokens; example is how it is given.
func readUpstream(text, example string) (*url.URL, error) {
	hint := "give its URL: " + example
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, badRequest("the upstream is not the URL of a server: "+api.Excerpt(text), hint)
	}
	if _, err := match.ParsePlace(text); err != nil {
		return nil, badRequest("the upstream cannot be "+api.Excerpt(text)+": "+err.Error(), hint)
	}
	return u, nil
}

// open listens as --listen says. On TCP, programs need the secret.
func (in *injection) open(ctx context.Context) (l net.Listener, secret string, err error) {
	if path, ok := strings.CutPrefix(in.listen, "unix:"); ok {
		if runtime.GOOS == "windows" {
			return nil, "", &api.Error{Code: api.Unsupported, Message: "on Windows, the proxy listens on TCP only", Hint: "--listen 127.0.0.1:0"}
		}
		if path, err = filePath(path); err != nil {
			return nil, "", err
		}
		in.listen = "unix:" + path
		if l, err = ipc.Listen(path); err != nil {
			return nil, "", badRequest("cannot listen on "+path+": "+api.Excerpt(err.Error()), "--listen unix:PATH wants a new file in a directory of yours, mode 0700")
		}
		return l, "", nil
	}
	host, _, err := net.SplitHostPort(in.listen)
	if err != nil || host != "127.0.0.1" {
		return nil, "", badRequest("the proxy listens on 127.0.0.1 or on a socket only", "--listen 127.0.0.1:0 takes a free port; --listen unix:PATH makes a socket")
	}
	var config net.ListenConfig
	config.SetMultipathTCP(false) // so that each connection is an ordinary row of /proc/net/tcp
	if l, err = config.Listen(ctx, "tcp4", in.listen); err != nil {
		return nil, "", badRequest("cannot listen on "+in.listen+": "+api.Excerpt(err.Error()), "--listen 127.0.0.1:0 takes a free port")
	}
	var random [32]byte
	_, _ = rand.Read(random[:])
	return l, hex.EncodeToString(random[:]), nil
}
