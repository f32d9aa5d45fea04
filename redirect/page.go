package redirect

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strings"
)

// Page is the outcome of a login as the person sees it in the browser. The zero Page says that the login failed, in
// general words. All texts are escaped; still, no text of the authorization response belongs here.
type Page struct {
	// Success selects the page; a failure shows no Person, Scopes or Warnings.
	Success bool
	// Account is the name of the account; "" leaves its line, and the command to try again, out.
	Account string
	// Provider is the provider's name; "" leaves its line out.
	Provider string
	// Person is who logged in, an email address or subject; "" leaves the line out.
	Person string
	// Scopes are the granted ones; none leaves them out.
	Scopes []string
	// Warnings are sentences for the person, about a login that succeeded all the same.
	Warnings []string
	// Title is what happened in a few words; "" means "You are logged in" or "The login did not complete".
	Title string
	// Message is one sentence more; "" leaves it out.
	Message string
	// Hint is what to do next; "" means to close the tab, or to log in again from the terminal.
	Hint string
}

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

// The names of the three pages; page.css has a class for each.
const (
	kindSuccess = "success"
	kindFailure = "failure"
	kindWaiting = "waiting"
)

// view is what page.html shows.
type view struct {
	Page
	Kind string
	// Command is what to type after the hint; "" for nothing.
	Command string
	Style   template.CSS
}

// view fills in the general words.
func (p Page) view() view {
	v := view{Page: p, Kind: kindFailure}
	title, hint := "The login did not complete", "Return to your terminal and try again."
	switch {
	case p.Success:
		v.Kind = kindSuccess
		title, hint = "You are logged in", "You can close this tab and return to your terminal."
	case p.Hint == "" && p.Account != "":
		v.Command = "oauthd login " + p.Account
		hint = "Return to your terminal and log in again:"
	}
	if !p.Success {
		v.Person, v.Scopes, v.Warnings = "", nil, nil
	}
	if v.Title == "" {
		v.Title = title
	}
	if v.Hint == "" {
		v.Hint = hint
	}
	return v
}

// pages makes the pages and knows the headers they need.
type pages struct {
	template *template.Template
	policy   string
	waiting  []byte
}

func newPages() (*pages, error) {
	t, err := template.New("page").Funcs(template.FuncMap{"pieces": pieces}).Parse(pageHTML)
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256([]byte(pageCSS))
	p := &pages{
		template: t,
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'; " +
			"frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
	}
	p.waiting = p.render(view{Kind: kindWaiting, Page: Page{
		Title: "Finishing the login",
		Hint:  "This page goes on by itself.",
	}})
	return p, nil
}

// pieces cuts a long name after its separators, which is where a narrow screen may break it.
func pieces(name string) []string {
	var parts []string
	for {
		i := strings.IndexAny(name, "/.:_-@")
		if i < 0 {
			return append(parts, name)
		}
		parts = append(parts, name[:i+1])
		name = name[i+1:]
	}
}

func (p *pages) render(v view) []byte {
	v.Style = template.CSS(pageCSS)
	var b bytes.Buffer
	// Texts into a buffer: there is nothing that could go wrong here and not in every test.
	_ = p.template.Execute(&b, v)
	return b.Bytes()
}

// secure sets the headers of every answer: nothing is loaded, framed, stored, sniffed or told to the next site.
func (p *pages) secure(h http.Header) {
	h.Set("Content-Security-Policy", p.policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}
