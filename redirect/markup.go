package redirect

import (
	_ "embed"
	"html"
	"strconv"
	"strings"
)

//go:embed page.css
var pageCSS string

// markup is HTML of our own. Only constants become markup without a conversion, so text from elsewhere gets into a page
// only through the methods of document that escape it.
type markup string

// brand is our icon within a page.
const brand = `<svg viewBox="0 0 32 32" aria-hidden="true">` + glyph

// icon is drawn in the colors that page.css gives to its kind.
func (k kind) icon() markup {
	const stroke = `fill="none" stroke="currentColor" stroke-width="4.5" stroke-linecap="round" stroke-linejoin="round">`
	switch k {
	case success:
		return stroke + `<path d="M20 33.5l8.5 8.5L45 24.5"/>`
	case failure:
		return stroke + `<path d="M32 18v18M32 45.5v.01"/>`
	case notice:
		return stroke + `<path d="M32 29v17M32 19.5v.01"/>`
	}
	return `fill="currentColor"><circle cx="20" cy="32" r="3.5"/><circle cx="32" cy="32" r="3.5"/><circle cx="44" cy="32" r="3.5"/>`
}

// render writes a page. html/template would do it too, but it looks methods up by name, which makes the linker keep
// every exported method of the program.
func (v view) render() []byte {
	var d document
	v.head(&d)
	d.html(`<body class="`, markup(v.kind), "\">\n<main>\n<header>\n",
		`<svg viewBox="0 0 64 64" width="64" height="64" aria-hidden="true" `, v.kind.icon(), "</svg>\n")
	d.element("<h1>", v.Title, "</h1>\n")
	if v.Message != "" {
		d.element("<p>", v.Message, "</p>\n")
	}
	if v.aside != "" {
		d.element("<p class=\"aside\">", v.aside, "</p>\n")
	}
	d.html("</header>\n")
	v.details(&d)
	v.scopes(&d)
	v.warnings(&d)
	d.html("<footer>\n")
	d.element("<p>", v.Hint, "</p>\n")
	if v.Command != "" {
		d.element("<pre><code>", v.Command, "</code></pre>\n")
	}
	d.html("</footer>\n</main>\n<p class=\"brand\">", brand, "oauthd</p>\n</body>\n</html>\n")
	return []byte(d.String())
}

func (v view) head(d *document) {
	d.html("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
		`<meta name="viewport" content="width=device-width, initial-scale=1">`, "\n",
		`<meta name="color-scheme" content="light dark">`, "\n")
	if v.kind == waiting {
		d.html(`<meta http-equiv="refresh" content="0">`, "\n")
	}
	d.element("<title>", v.Title+" · oauthd", "</title>\n")
	d.html(`<link rel="icon" type="image/svg+xml" href="`+iconPath+`">`, "\n")
	d.html("<style>", markup(pageCSS), "</style>\n</head>\n")
}

func (v view) details(d *document) {
	if v.Account == "" && v.Person == "" && v.Provider == "" {
		return
	}
	d.html("<dl>\n")
	for _, row := range []struct {
		term markup
		name string
	}{{"Account", v.Account}, {"Logged in as", v.Person}, {"Provider", v.Provider}} {
		if row.name != "" {
			d.html("<div><dt>", row.term, "</dt><dd>")
			d.breakable(row.name)
			d.html("</dd></div>\n")
		}
	}
	d.html("</dl>\n")
}

// Of a long list of scopes the first few are shown, and the others once the person asks for them.
const (
	scopesShown  = 6
	scopesUnfold = 8
)

func (v view) scopes(d *document) {
	if len(v.Scopes) == 0 {
		return
	}
	shown, folded := v.Scopes, []string(nil)
	if len(shown) > scopesUnfold {
		shown, folded = shown[:scopesShown], shown[scopesShown:]
	}
	d.html("<section>\n<h2>Granted scopes</h2>\n")
	d.chips(shown)
	if len(folded) > 0 {
		d.element("<details>\n<summary>", strconv.Itoa(len(folded))+" more", "</summary>\n")
		d.chips(folded)
		d.html("</details>\n")
	}
	d.html("</section>\n")
}

// chips writes names side by side. What a URL has in common with others of its kind is not what to look at.
func (d *document) chips(names []string) {
	d.html("<ul class=\"scopes\">\n")
	for _, name := range names {
		d.html("<li>")
		if i := strings.LastIndexByte(name, '/'); i > 0 && i < len(name)-1 && strings.Contains(name, "://") {
			d.html("<span>")
			d.breakable(name[:i+1])
			d.html("</span>")
			name = name[i+1:]
		}
		d.breakable(name)
		d.html("</li>\n")
	}
	d.html("</ul>\n")
}

func (v view) warnings(d *document) {
	if len(v.Warnings) == 0 {
		return
	}
	d.html("<section class=\"warnings\">\n<h2>Please note</h2>\n<ul>\n")
	for _, warning := range v.Warnings {
		d.html("<li>")
		d.breakable(warning)
		d.html("</li>\n")
	}
	d.html("</ul>\n</section>\n")
}

// document is the HTML written so far. The zero value is empty and ready.
type document struct{ strings.Builder }

// html writes markup as it is.
func (d *document) html(parts ...markup) {
	for _, part := range parts {
		d.WriteString(string(part))
	}
}

// text writes text escaped, for the content of an element.
func (d *document) text(text string) { d.WriteString(html.EscapeString(text)) }

// element writes escaped text between two tags.
func (d *document) element(start markup, text string, end markup) {
	d.html(start)
	d.text(text)
	d.html(end)
}

// breakable writes text that may have long names in it, and lets a narrow screen break them after their separators.
func (d *document) breakable(text string) {
	for {
		i := strings.IndexAny(text, "/.:_-@")
		if i < 0 {
			break
		}
		d.element("", text[:i+1], "<wbr>")
		text = text[i+1:]
	}
	d.text(text)
}
