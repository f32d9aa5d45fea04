package foreign

import (
	"net/netip"
	"net/url"
	"strings"

	"oauthd/daemon/provider"
)

// settle finds out whose f is, and whether anything but the text vouches for that.
func (f *Found) settle() *Mistake {
	for _, at := range []struct{ name, url string }{
		{"token endpoint", f.TokenURI}, {"authorization endpoint", f.AuthURI}, {"issuer", f.Issuer},
	} {
		if at.url == "" {
			continue
		}
		if err := provider.CheckURL(at.url); err != nil {
			return mistake("correct it there", "the %s in the file cannot be used: %v", at.name, err)
		}
	}
	if f.Provider != "" && f.TokenURI == "" {
		return nil
	}
	if name, tenant := endpointOf(f.TokenURI); name != "" {
		f.Provider, f.Tenant = name, tenant
		return nil
	}
	if f.TokenURI == "" {
		if name, tenant := issuerOf(f.Issuer); name != "" {
			f.Provider, f.Tenant = name, tenant
			return nil
		}
	}
	f.Provider = ""
	for _, at := range []string{f.TokenURI, f.AuthURI, f.Issuer} {
		if u, err := url.Parse(at); err == nil && at != "" && !loopback(u.Hostname()) {
			f.Doubt = u.Host[:min(len(u.Host), 260)]
			break
		}
	}
	return nil
}

// endpointOf names the built-in provider that has that token endpoint, or "".
func endpointOf(tokenURI string) (name, tenant string) {
	if tokenURI == "" {
		return "", ""
	}
	name, tenant = builtIn(func(p provider.Provider) (string, bool) { return fits(p.Endpoints.Token, tokenURI) })
	if name != "" {
		return name, tenant
	}
	// Google's former addresses, which old files have.
	former := provider.ClientSecrets{AuthURI: "https://accounts.google.com/o/oauth2/auth", TokenURI: tokenURI}
	if p, err := former.Provider(); err == nil {
		return p.Name, ""
	}
	return "", ""
}

// issuerOf names the built-in provider of that issuer, or "". A slash at its end, as some tools store it, does not count.
func issuerOf(issuer string) (name, tenant string) {
	issuer = strings.TrimSuffix(issuer, "/")
	if issuer == "" {
		return "", ""
	}
	return builtIn(func(p provider.Provider) (string, bool) {
		if tenant, ok := fits(strings.TrimSuffix(p.Issuer, "/"), issuer); ok {
			return tenant, true
		}
		return fits(p.IssuerTemplate, issuer)
	})
}

// hostOf names the built-in provider whose own host that is, or "".
func hostOf(host string) string {
	name, _ := builtIn(func(p provider.Provider) (string, bool) {
		for _, at := range []string{p.Issuer, p.Endpoints.Token} {
			if u, err := url.Parse(at); err == nil && at != "" && strings.EqualFold(u.Host, host) {
				return "", true
			}
		}
		return "", false
	})
	return name
}

// builtIn returns the first built-in provider that is says yes to, and the tenant it found, "" for the usual one. If a
// tenant has its place in a path, is sees it as {tenant}. One that gives no refresh tokens is taken only if no other fits.
func builtIn(is func(provider.Provider) (tenant string, ok bool)) (name, tenant string) {
	for _, candidate := range provider.Names() {
		p, _ := provider.Lookup(candidate)
		usual := p.Tenant
		const place = "in-the-place-of-a-tenant"
		if open, err := p.ForTenant(place); err == nil {
			p = open
			for _, at := range []*string{&p.Endpoints.Token, &p.Issuer} {
				*at = strings.ReplaceAll(*at, place, "{tenant}")
			}
		}
		found, ok := is(p)
		if !ok || name != "" && p.Rotation == provider.RotationNone {
			continue
		}
		name, tenant = candidate, found
		if tenant == usual {
			tenant = ""
		}
		if p.Rotation != provider.RotationNone {
			break
		}
	}
	return name, tenant
}

// fits reports whether value is pattern, in which {…} after the host stands for one segment of a path. A pattern that
// leaves the host open fits nothing: any host could claim to be that provider.
func fits(pattern, value string) (tenant string, ok bool) {
	before, rest, open := strings.Cut(pattern, "{")
	if !open {
		return "", pattern != "" && pattern == value
	}
	_, after, closed := strings.Cut(rest, "}")
	_, path, _ := strings.Cut(before, "://")
	if !closed || !strings.Contains(path, "/") || strings.Contains(after, "{") {
		return "", false
	}
	tenant, ok = strings.CutPrefix(value, before)
	if !ok {
		return "", false
	}
	if tenant, ok = strings.CutSuffix(tenant, after); !ok {
		return "", false
	}
	odd := strings.ContainsFunc(tenant, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._", r)
	})
	return tenant, tenant != "" && tenant != "." && tenant != ".." && !odd
}

// loopback reports whether host, without brackets, is this machine.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Zone() == "" && addr.IsLoopback()
}
