package provider

import (
	"slices"
	"strings"
)

const tenantMark = "{tenantid}"

// IssuerMatches reports whether iss names this provider, by simple string comparison (RFC 9207 §2.4). If the provider
// has one issuer per tenant, tenant is the one that iss must name (the tid claim of an ID token); an empty tenant accepts
// the issuer of any tenant, for authorization responses, which do not name one. A provider without an issuer matches
// nothing.
func (p Provider) IssuerMatches(iss, tenant string) bool {
	if iss == "" {
		return false
	}
	if p.IssuerTemplate == "" {
		return iss == p.Issuer || p.Issuer != "" && slices.Contains(p.IssuerAliases, iss)
	}
	before, after, ok := strings.Cut(p.IssuerTemplate, tenantMark)
	if !ok {
		return false
	}
	rest, ok := strings.CutPrefix(iss, before)
	if !ok {
		return false
	}
	named, ok := strings.CutSuffix(rest, after)
	return ok && isTenant(named) && (tenant == "" || named == tenant)
}

// isTenant reports whether s is a GUID, as tenants are named in issuers.
func isTenant(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		hex := c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash && c != '-' || !dash && !hex {
			return false
		}
	}
	return true
}
