package provider

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"strings"
)

// tenantPlace is the place in a row's URLs that each tenant fills with its name.
const tenantPlace = "{tenant}"

// ForTenant returns p with tenant in its URLs; "" means the row's own tenant. What a tenant is depends on the provider: the
// last part of a host name, a path segment, or host and path. An error says what to give. A provider whose URLs have no
// place for a tenant refuses one.
//
// p must be as [Lookup] or the configuration returned it, because the URLs are filled in anew from the row.
func (p Provider) ForTenant(tenant string) (Provider, error) {
	if p.entry == nil || !p.entry.hasTenant() {
		if tenant != "" {
			return Provider{}, fmt.Errorf("%s has no tenants", p.Name)
		}
		return p, nil
	}
	if p.Tenant != "" && (tenant == "" || tenant == p.Tenant) {
		return p, nil
	}
	tenant = cmp.Or(tenant, p.entry.Tenant)
	if tenant == "" {
		return Provider{}, fmt.Errorf("%s needs a tenant: %s", p.Name, p.entry.TenantHint)
	}
	row := p.entry.clone()
	for _, u := range row.urls() {
		filled, err := fill(*u.at, tenant)
		if err != nil {
			return Provider{}, fmt.Errorf("tenant: %w%s", err, p.entry.hintAfter("; "))
		}
		*u.at = filled
	}
	filled := p
	filled.Row, filled.Tenant = *row, tenant
	if isTenant(tenant) && filled.IssuerTemplate != "" {
		filled.Issuer = strings.Replace(filled.IssuerTemplate, tenantMark, tenant, 1)
		filled.IssuerTemplate = ""
	}
	return filled, nil
}

// NeedsTenant reports whether the URLs have a place for a tenant and nothing fills it yet.
func (p Provider) NeedsTenant() bool { return p.entry != nil && p.entry.hasTenant() && p.Tenant == "" }

// hintAfter returns lead and the tenant_hint; "" if the row has no hint.
func (r *Row) hintAfter(lead string) string {
	if r.TenantHint == "" {
		return ""
	}
	return lead + "give " + r.TenantHint
}

// rowURL is one URL of a row, under its key.
type rowURL struct {
	key string
	at  *string
}

func (r *Row) urls() []rowURL {
	return []rowURL{
		{"issuer", &r.Issuer}, {"issuer_template", &r.IssuerTemplate},
		{"authorization_endpoint", &r.Endpoints.Authorization}, {"token_endpoint", &r.Endpoints.Token},
		{"device_authorization_endpoint", &r.Endpoints.Device}, {"revocation_endpoint", &r.Endpoints.Revocation},
		{"userinfo_endpoint", &r.Endpoints.Userinfo},
		{"pushed_authorization_request_endpoint", &r.PushedAuthorizationEndpoint},
		{"registration_endpoint", &r.RegistrationEndpoint}, {"jwks_uri", &r.JWKSURI},
	}
}

// named returns the URLs of a row.
func (r *Row) named() (urls []string) {
	for _, u := range r.urls() {
		urls = append(urls, *u.at)
	}
	return urls
}

func (r *Row) hasTenant() bool {
	for _, u := range r.urls() {
		if strings.Contains(*u.at, tenantPlace) {
			return true
		}
	}
	return false
}

// fill puts tenant into a URL. If its place is the whole host, tenant is host[:port] and path segments, and a loopback
// host makes the URL http. Anywhere else it is one label or segment.
func fill(raw, tenant string) (string, error) {
	before, after, ok := strings.Cut(raw, tenantPlace)
	if !ok {
		return raw, nil
	}
	if before != "https://" || after != "" && after[0] != '/' {
		if err := checkSegment(tenant); err != nil {
			return "", err
		}
		return strings.ReplaceAll(raw, tenantPlace, tenant), nil
	}
	host, path, _ := strings.Cut(tenant, "/")
	segments := strings.Split(path, "/")
	if path == "" && strings.Contains(tenant, "/") {
		return "", errors.New("it ends in a slash")
	}
	for _, segment := range segments {
		if path != "" && checkSegment(segment) != nil {
			return "", checkSegment(segment)
		}
	}
	name, port := host, ""
	if strings.Contains(host, ":") {
		var err error
		if name, port, err = net.SplitHostPort(host); err != nil || strings.Trim(port, "0123456789") != "" {
			return "", errors.New("it does not start with a host")
		}
	}
	if !isLoopback(name) && checkSegment(name) != nil {
		return "", checkSegment(name)
	}
	if isLoopback(name) {
		before = "http://"
	}
	return before + tenant + after, nil
}

// checkSegment refuses anything but a host name or path segment of unreserved characters (RFC 3986 §2.3).
func checkSegment(s string) error {
	odd := func(r rune) bool {
		return r != '-' && r != '.' && r != '_' && r != '~' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z')
	}
	switch {
	case s == "" || strings.Trim(s, ".") == "" || strings.Contains(s, ".."):
		return errors.New("a part of it is empty or only dots")
	case len(s) > 253:
		return errors.New("it is too long")
	case strings.HasPrefix(s, "-"):
		return errors.New("it starts with a dash")
	case strings.ContainsFunc(s, odd):
		return errors.New("only letters, digits and - . _ ~ are allowed")
	}
	return nil
}
