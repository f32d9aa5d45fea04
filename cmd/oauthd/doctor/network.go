package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"oauthd/ipc/api"
)

const (
	// drift is by how much the clock may differ from a provider's, whose Date has whole seconds and took a while.
	drift = 30 * time.Second
	// mostDrift is by how much it may differ before ID tokens are refused.
	mostDrift = 5 * time.Minute
)

// proxy looks at the proxy that commands and daemon would use.
func (p Patient) proxy(s api.Status, statusErr error) Finding {
	var set []string
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"} {
		text := p.Env.Getenv(name)
		if text == "" {
			continue
		}
		u, err := url.Parse(text)
		if err != nil || u.Host == "" {
			return fault("proxy", name+" is not a URL", "write it as "+name+"=http://proxy.example.com:3128")
		}
		set = append(set, name+"="+api.Excerpt(u.Redacted()))
	}
	switch {
	case statusErr == nil && s.Proxied != (len(set) > 0) && s.Proxied:
		return warn("proxy", "the daemon was started with a proxy, and this shell has none", "oauthd stop, then start it from the right shell")
	case statusErr == nil && s.Proxied != (len(set) > 0):
		return warn("proxy", set[0]+", but the daemon was started without it", "oauthd stop; the next command starts it with this proxy")
	case len(set) > 0:
		return ok("proxy", set[0])
	}
	return ok("proxy", "none")
}

// certificates looks at the files of authorities that are not the system's (crypto/x509).
func (p Patient) certificates() (found []Finding) {
	for name, paths := range map[string][]string{
		"SSL_CERT_FILE": {p.Env.Getenv("SSL_CERT_FILE")}, "SSL_CERT_DIR": filepath.SplitList(p.Env.Getenv("SSL_CERT_DIR")),
	} {
		for _, path := range paths {
			if path == "" {
				continue
			}
			if _, err := os.Stat(path); err != nil {
				found = append(found, fault("certificates", name+" names "+api.Excerpt(path)+", which cannot be read", "unset "+name+", or correct it"))
			} else {
				found = append(found, ok("certificates", name+": "+api.Excerpt(path)))
			}
		}
	}
	slices.SortFunc(found, func(a, b Finding) int { return cmp.Compare(a.Detail, b.Detail) })
	return found
}

// reach asks each account's provider for anything, and compares the clocks.
func (p Patient) reach(ctx context.Context, s api.Status) []Finding {
	var checks []func() Finding
	for origin, names := range p.origins(ctx, s) {
		checks = append(checks, func() Finding { return p.reachOne(ctx, origin, names) })
	}
	found := side(checks)
	slices.SortFunc(found, func(a, b Finding) int { return cmp.Compare(a.Check, b.Check) })
	return found
}

// origins are the servers that the accounts depend on, each with the accounts.
func (p Patient) origins(ctx context.Context, s api.Status) map[string][]string {
	all := map[string][]string{}
	for _, a := range s.Accounts {
		from := a.Issuer
		if provider, err := p.Provider(ctx, a.Provider); err == nil && provider.Endpoints.Token != "" {
			from = provider.Endpoints.Token
		}
		u, err := url.Parse(from)
		if err != nil || u.Host == "" {
			continue // a key or a tenant says where it goes
		}
		origin := u.Scheme + "://" + u.Host
		all[origin] = append(all[origin], a.Name)
	}
	return all
}

func (p Patient) reachOne(ctx context.Context, origin string, names []string) Finding {
	check := "provider " + api.Excerpt(origin)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodHead, origin+"/", nil)
	if err != nil {
		return fault(check, api.Excerpt(err.Error()), "correct the account's provider or issuer")
	}
	began := p.Now()
	resp, err := p.HTTP.Do(r)
	if err != nil {
		var long *url.Error
		if errors.As(err, &long) {
			err = long.Err
		}
		return fault(check, "cannot be reached: "+api.Excerpt(err.Error()), "check the network and the proxy; tokens that are cached still work")
	}
	_ = resp.Body.Close()
	took := p.Now().Sub(began)
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return ok(check, fmt.Sprintf("reached in %d ms; it gives no time", took.Milliseconds()))
	}
	off := p.Now().Sub(date)
	switch {
	case off.Abs() > mostDrift:
		return fault(check, fmt.Sprintf("this machine's clock is %s by %v", aheadOrBehind(off), off.Abs().Round(time.Second)), "timedatectl set-ntp true")
	case off.Abs() > drift+took:
		return warn(check, fmt.Sprintf("this machine's clock is %s by %v", aheadOrBehind(off), off.Abs().Round(time.Second)), "timedatectl set-ntp true")
	}
	return ok(check, fmt.Sprintf("reached in %d ms, clocks agree; accounts: %d", took.Milliseconds(), len(names)))
}

func aheadOrBehind(off time.Duration) string {
	if off > 0 {
		return "ahead"
	}
	return "behind"
}
