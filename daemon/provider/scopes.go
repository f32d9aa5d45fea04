package provider

import (
	"slices"
	"strings"
)

// offlineAccess asks for a refresh token (OpenID Connect Core 1.0 §11), at providers that nobody described too.
const offlineAccess = "offline_access"

// Covers returns the scopes of wanted that granted does not cover, in their order; nil if it covers all. Aliases count as
// the same scope, a wider scope covers what it includes, and scopes that the provider never names in an answer, such as
// the one that asks for a refresh token, are never missing. A nil granted means that the provider did not say, which by
// RFC 6749 §5.1 means everything that was asked for, so nothing is missing; an empty one means that nothing was granted.
func (p Provider) Covers(granted []string, wanted []string) (missing []string) {
	if granted == nil {
		return nil
	}
	have := make(map[string]bool, len(granted)+len(p.ScopesNotEchoed)+2)
	for _, list := range [][]string{granted, p.ScopesNotEchoed, {p.OfflineScope, offlineAccess}} {
		for _, scope := range list {
			have[p.canonical(scope)] = true
		}
	}
	for _, scope := range wanted {
		if scope != "" && !p.covered(scope, have) && !p.isDefault(scope, granted) && !slices.Contains(missing, scope) {
			missing = append(missing, scope)
		}
	}
	return missing
}

func (p Provider) covered(scope string, have map[string]bool) bool {
	// Bounded, because a Provider may come from anywhere and its parents may form a ring.
	for range len(p.ScopeParents) + 1 {
		if have[p.canonical(scope)] {
			return true
		}
		parent, ok := p.ScopeParents[scope]
		if !ok {
			return false
		}
		scope = parent
	}
	return false
}

// isDefault reports whether scope means whatever was granted of its resource (Microsoft's RESOURCE/.default), and something
// of that was. A resource may be spelled with a slash at its end, which is then part of the scope.
func (p Provider) isDefault(scope string, granted []string) bool {
	if !p.OneResourcePerToken || !strings.HasSuffix(p.canonical(scope), "/.default") {
		return false
	}
	of := func(scope string) string { return strings.TrimRight(p.resource(scope), "/") }
	return of(scope) != "" && slices.ContainsFunc(granted, func(g string) bool { return of(g) == of(scope) })
}

// canonical returns the one spelling that all names of a scope share.
func (p Provider) canonical(scope string) string {
	if alias, ok := p.ScopeAliases[scope]; ok {
		scope = alias
	}
	if p.ScopePrefix != "" && scope != "" && !strings.Contains(scope, "/") {
		scope = p.ScopePrefix + scope
	}
	if p.ScopesFoldCase {
		scope = strings.ToLower(scope)
	}
	return scope
}

// OneResource returns the scopes that one token can have, in their order. Usually these are all, and whole is true. If the
// provider gives a token for one resource at a time, they are those of the first scope's resource and those that belong
// to none.
func (p Provider) OneResource(scopes []string) (one []string, whole bool) {
	if !p.OneResourcePerToken {
		return scopes, true
	}
	first := ""
	for _, scope := range scopes {
		resource := p.resource(scope)
		if first == "" {
			first = resource
		}
		if resource == "" || resource == first {
			one = append(one, scope)
		}
	}
	return one, len(one) == len(scopes)
}

// resource returns what scope gives access to; "" for the scopes of OpenID Connect, which go with any.
func (p Provider) resource(scope string) string {
	if slices.Contains(p.ScopesNotEchoed, scope) {
		return ""
	}
	scope = p.canonical(scope)
	return scope[:strings.LastIndexByte(scope, '/')+1]
}
