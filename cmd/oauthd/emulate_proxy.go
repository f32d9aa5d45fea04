package main

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
	"oauthd/ipc/client"
	"oauthd/ipc/proxy"

	"github.com/spf13/pflag"
)

// proxyFlag is the flag of exec that serves CMD one server as oauthd proxy would. It may be repeated, so it is no row of
// [emulations].
const proxyFlag = "proxy"

// injecting serves CMD a server, to which its requests go with the account's tokens: oauthd proxy, for CMD alone.
type injecting struct {
	Request  api.TokenRequest `json:"request"`
	Upstream *url.URL         `json:"upstream"`
	Log      bool             `json:"log,omitempty"`

	variables []childVariable // each gets the address of its place, which is the upstream or below it
	lines     io.Writer       // gets a line for each request, if Log is set
}

var _ protocol = (*injecting)(nil)

// readProxies reads the values of --proxy, and gives each the variables that are for it.
func readProxies(texts []string, log bool, variables []childVariable) ([]*emulation, error) {
	var all []*emulation
	var proxies []*injecting
	for _, text := range texts {
		name, place, ok := strings.Cut(text, "=")
		if !ok {
			return nil, badRequest("--proxy "+api.Excerpt(text)+" is not NAME=URL", "--proxy work=https://api.example.com uses the account work at that server")
		}
		if err := api.CheckAccountName(name); err != nil {
			return nil, err
		}
		upstream, err := readUpstream(place, "--proxy "+name+"=https://api.example.com")
		if err != nil {
			return nil, err
		}
		for _, other := range proxies {
			if rest, ok := other.below(upstream); ok && strings.Trim(rest, "/") == "" {
				return nil, badRequest("two proxies are for "+api.Excerpt(place), "give each server to one account")
			}
		}
		p := &injecting{Upstream: upstream, Log: log}
		proxies = append(proxies, p)
		all = append(all, &emulation{flag: proxyFlag, account: name, url: upstream.String(), protocol: p})
	}
	return all, assign(variables, proxies)
}

// assign gives each variable that is for a place to the proxy that is closest to it.
func assign(variables []childVariable, proxies []*injecting) error {
	for _, v := range variables {
		if v.place == nil {
			continue
		}
		var closest *injecting
		for _, p := range proxies {
			if _, ok := p.below(v.place); ok && (closest == nil || len(p.base()) > len(closest.base())) {
				closest = p
			}
		}
		if closest == nil {
			at := api.Excerpt(v.place.String())
			return badRequest("no --proxy is for "+at+", whose address "+v.name+" is to get", "--proxy NAME="+at+" serves it with the tokens of account NAME")
		}
		closest.variables = append(closest.variables, v)
	}
	for _, p := range proxies {
		if len(p.variables) == 0 {
			at := api.Excerpt(p.Upstream.String())
			return badRequest("no variable gets the address of the proxy for "+at, "-e API_BASE_URL="+at+" puts it into API_BASE_URL")
		}
	}
	return nil
}

// base returns the path of the upstream, escaped, without a final slash.
func (p *injecting) base() string { return strings.TrimSuffix(p.Upstream.EscapedPath(), "/") }

// below returns the rest of the path of a place that is the upstream's or below it; false if it is not.
func (p *injecting) below(place *url.URL) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(place.EscapedPath(), p.base())
	same := place.Scheme == p.Upstream.Scheme && strings.EqualFold(place.Host, p.Upstream.Host)
	return rest, ok && same && (rest == "" || rest[0] == '/')
}

// flags implements [protocol].
func (*injecting) flags(*pflag.FlagSet) {}

// prepare implements [protocol].
func (p *injecting) prepare(_ context.Context, _ stdio, _ *client.Client, f *tokenFlags, account string) error {
	p.Request = f.of(account)
	p.Request.IDToken = false
	return nil
}

// serves implements [protocol].
func (*injecting) serves() bool { return true }

// environment implements [protocol]. The secret is needed even if connections are checked: a page in the person's browser
// can have that send requests, though it cannot read the answers.
func (p *injecting) environment(at endpoint) (changes []string, err error) {
	for _, v := range p.variables {
		rest, _ := p.below(v.place)
		changes = append(changes, v.name+"=http://"+at.Address+"/"+at.Secret+rest)
	}
	return changes, nil
}

// settlePatience is how long a proxy that ends waits for the audit log.
const settlePatience = 2 * time.Second

// settle lets a proxy that has ended put its last requests into the audit log.
func settle(p *proxy.Proxy) {
	ctx, cancel := context.WithTimeout(context.Background(), settlePatience)
	defer cancel()
	p.Settle(ctx)
}

// handler implements [protocol].
func (p *injecting) handler(at endpoint, c *client.Client, complain func(error)) http.Handler {
	cfg := proxy.Config{Upstream: p.Upstream, Request: p.Request, Secret: at.Secret, Complain: complain, Note: c.NoteProxied}
	if p.Log {
		cfg.Log = func(method, path string, status int) {
			screen.Say(p.lines, "%s: %s %s %d\n", p.Request.Account, method, path, status)
		}
	}
	return proxy.New(cfg, c, nil)
}
