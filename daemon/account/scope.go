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
