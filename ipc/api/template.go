package api

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A template is text in which names in double braces stand for values. text/template does more, but it looks methods up
// by name, so that the linker could drop none of the program's: 3 MB, and slower starts.

// MaxTemplate is how many bytes a template may have.
const MaxTemplate = 64 << 10

// placeholders are the names that a template may have in double braces.
var placeholders = []string{"token", "id_token", "token_type", "scope", "account", "user", "expires_at", "expires_unix"}

// checkTemplate returns a [BadRequest] error that says what is wrong with the template, or nil.
func (f Form) checkTemplate() error {
	if f.Template == "" {
		return nil
	}
	known := "{{" + strings.Join(placeholders, "}}, {{") + "}}"
	if len(f.Template) > MaxTemplate {
		return formError(fmt.Sprintf("the template has more than %d bytes", MaxTemplate), "give a shorter one")
	}
	rest := f.Template
	for {
		_, after, found := strings.Cut(rest, "{{")
		if !found {
			break
		}
		name, next, closed := strings.Cut(after, "}}")
		if !closed {
			return formError("a {{ in the template has no }}", "a template may have "+known)
		}
		if !slices.Contains(placeholders, name) {
			return formError(fmt.Sprintf("the template has {{%s}}, which stands for nothing", Excerpt(name)), "it may have "+known)
		}
		rest = next
	}
	if !strings.Contains(f.Template, "{{token}}") && !strings.Contains(f.Template, "{{id_token}}") {
		return formError("the template has no place for the token", "write {{token}} where it belongs")
	}
	return nil
}

// WantsIDToken reports whether f writes an ID token.
func (f Form) WantsIDToken() bool { return f.IDToken || strings.Contains(f.Template, "{{id_token}}") }

// fill returns the template with the values of t.
func (f Form) fill(t Token) string {
	at, unix := "", ""
	if t.ExpiresAt != nil {
		at, unix = t.ExpiresAt.UTC().Format(time.RFC3339), fmt.Sprint(t.ExpiresAt.Unix())
	}
	return strings.NewReplacer(
		"{{token}}", t.AccessToken, "{{id_token}}", t.IDToken, "{{token_type}}", t.TokenType, "{{scope}}", t.Scope,
		"{{account}}", t.Account, "{{user}}", f.User, "{{expires_at}}", at, "{{expires_unix}}", unix,
	).Replace(f.Template)
}
