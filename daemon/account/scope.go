package account

import (
	"fmt"
	"slices"
	"strings"

	"oauthd/ipc/api"
)

// Scopes returns the scopes in texts, each of which may hold several with white space between them; each once, in order.
// It is nil if there are none.
func Scopes(texts ...string) []string {
	var scopes []string
	for _, text := range texts {
		for _, scope := range strings.Fields(text) {
			if !slices.Contains(scopes, scope) {
				scopes = append(scopes, scope)
			}
		}
	}
	return scopes
}

// ScopeSet is a set of scopes that can be compared, and so be part of a map's key. The zero value is the empty set.
type ScopeSet struct{ sorted string }

// ScopeSetOf returns the set of these scopes, whatever their order.
func ScopeSetOf(scopes ...string) ScopeSet {
	sorted := slices.Sorted(slices.Values(scopes))
	return ScopeSet{strings.Join(slices.Compact(sorted), " ")}
}

// Empty reports whether s has no scopes.
func (s ScopeSet) Empty() bool { return s.sorted == "" }

// List returns the scopes of s, sorted.
func (s ScopeSet) List() []string { return strings.Fields(s.sorted) }

// String returns the scopes as the value of a scope parameter (RFC 6749 §3.3).
func (s ScopeSet) String() string { return s.sorted }

// CheckScope refuses what is not a scope-token (RFC 6749 §3.3).
func CheckScope(scope string) error {
	odd := func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }
	switch {
	case scope == "":
		return fmt.Errorf("a scope is empty")
	case strings.ContainsFunc(scope, odd):
		return fmt.Errorf("%q is not a scope: one scope is plain text without spaces", api.Excerpt(scope))
	}
	return nil
}
