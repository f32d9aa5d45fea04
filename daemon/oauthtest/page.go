package oauthtest

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const pageStyle = `
:root{color-scheme:light dark;--bg:#f3f4f6;--card:#fff;--text:#1b1f24;--dim:#59636e;--line:#dfe3e8;--accent:#1a5fb4;--on:#fff}
@media(prefers-color-scheme:dark){:root{--bg:#101317;--card:#1a1f25;--text:#e8ebef;--dim:#9aa4af;--line:#2f363f;` +
	`--accent:#8ab8f5;--on:#0b1a2e}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;min-height:100dvh;display:grid;place-items:center;padding:20px;background:var(--bg);` +
	`color:var(--text);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif}
main{width:100%;max-width:440px;padding:32px;background:var(--card);border:1px solid var(--line);border-radius:14px}
h1{margin:0 0 6px;font-size:22px;line-height:1.3;overflow-wrap:anywhere}
p{margin:0;color:var(--dim);overflow-wrap:anywhere}
p b{color:var(--text);font-weight:600}
ul{list-style:none;margin:22px 0;padding:0;border-top:1px solid var(--line)}
li{padding:11px 0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
code{display:block;color:var(--dim);font:13px/1.4 ui-monospace,"Liberation Mono",monospace}
form{display:flex;flex-direction:row-reverse;gap:12px;margin:0 0 22px}
button{flex:1;min-height:46px;padding:0 16px;border:1px solid var(--line);border-radius:9px;background:transparent;` +
	`color:var(--text);font:inherit;font-weight:600;cursor:pointer}
#allow{background:var(--accent);border-color:var(--accent);color:var(--on)}
button:hover{filter:brightness(1.06)}
button:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
input:not([type=hidden]){flex:1;min-width:0;min-height:46px;padding:0 14px;border:1px solid var(--line);` +
	`border-radius:9px;background:transparent;color:var(--text);font:600 18px/1 ui-monospace,"Liberation Mono",monospace}
small{display:block;color:var(--dim);font-size:13px;line-height:1.5;overflow-wrap:anywhere}
small+small{margin-top:8px}
@media(max-width:480px){body{place-items:start center;padding:12px}main{padding:24px 20px}}
`

// writeConsentPage asks the person. The form sends request, which stands for the authorization request.
func writeConsentPage(w http.ResponseWriter, action, request string, r *authorizationRequest) {
	name := r.client.label()
	var back string
	if u, err := url.Parse(r.redirectURI); err == nil {
		back = "<b>" + html.EscapeString(u.Host) + "</b>"
		if checkLoopback(u) == nil {
			back += ", which is a program on this machine"
		}
	}
	writePage(w, http.StatusOK, "Allow "+name+"?", fmt.Sprintf(`<h1>Allow <b>%s</b> to use your account?</h1>
<p>You are logged in as <b>%s</b>.<br>This program would be able to:</p>
<ul>
%s</ul>
<form method="post" action="%s">
<input type="hidden" name="request" value="%s">
<button id="allow" name="decision" value="allow">Allow</button>
<button id="deny" name="decision" value="deny">Deny</button>
</form>
<small>Either way, you return to %s.</small>
<small>This is a practice authorization server. Its accounts are made up.</small>
`, html.EscapeString(name), html.EscapeString(r.user.label()), scopeItems(r.scopes), html.EscapeString(action),
		html.EscapeString(request), back))
}

// scopeItems is a list of scopes, for people.
func scopeItems(scopes []string) string {
	var items strings.Builder
	for _, scope := range scopes {
		fmt.Fprintf(&items, "<li>%s<code>%s</code></li>\n", html.EscapeString(describe(scope)), html.EscapeString(scope))
	}
	return items.String()
}

// writeErrorPage shows the person what is wrong where the client must not be told (RFC 6749 §4.1.2.1).
func writeErrorPage(w http.ResponseWriter, sentence string) {
	writePage(w, http.StatusBadRequest, "This request cannot be answered",
		fmt.Sprintf("<h1>This request cannot be answered</h1>\n<p>%s</p>\n", html.EscapeString(sentence)))
}

// writeFormPostPage sends an authorization response in a form (OAuth 2.0 Form Post Response Mode §2), by itself where
// scripts run, else with a button.
func writeFormPostPage(w http.ResponseWriter, redirectURI string, answer url.Values) {
	const script = "document.forms[0].submit()"
	var inputs strings.Builder
	for _, name := range slices.Sorted(maps.Keys(answer)) {
		fmt.Fprintf(&inputs, "<input type=\"hidden\" name=\"%s\" value=\"%s\">\n", html.EscapeString(name),
			html.EscapeString(answer.Get(name)))
	}
	writeScriptedPage(w, http.StatusOK, "Back to the program", fmt.Sprintf(`<h1>Back to the program</h1>
<form method="post" action="%s">
%s<button id="continue">Continue</button>
</form>
<script>%s</script>
`, html.EscapeString(redirectURI), inputs.String(), script), script)
}

// writePage writes a page around body, which is HTML and has no script.
func writePage(w http.ResponseWriter, status int, title, body string) {
	writeScriptedPage(w, status, title, body, "")
}

// writeScriptedPage writes a page whose body may have that one script. Its policy names no form-action, because browsers
// apply that to the redirect after the form too and would keep the answer from the client.
func writeScriptedPage(w http.ResponseWriter, status int, title, body, script string) {
	policy := "default-src 'none'; style-src " + sourceHash(pageStyle)
	if script != "" {
		policy += "; script-src " + sourceHash(script)
	}
	w.Header().Set("Content-Security-Policy", policy+"; base-uri 'none'; frame-ancestors 'none'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("X-Frame-Options", "DENY")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>`+html.EscapeString(title)+`</title>
<style>`+pageStyle+`</style>
</head>
<body>
<main>
`+body+`</main>
</body>
</html>
`)
}

// sourceHash is text as a source of Content-Security-Policy.
func sourceHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// label names the person as a page should: by what tells two accounts of one person apart.
func (u User) label() string {
	switch {
	case u.Email != "":
		return u.Email
	case u.Name != "":
		return u.Name
	}
	return u.Subject
}

// label names the client as a page should.
func (c Client) label() string {
	if c.Name != "" {
		return c.Name
	}
	return c.ID
}

// describe says in a person's words what a scope opens.
func describe(scope string) string {
	switch scope {
	case "openid":
		return "Know that it is you"
	case "profile":
		return "See your name"
	case "email":
		return "See your email address"
	case "offline_access":
		return "Keep access while you are away"
	case "calendar.read":
		return "Read your calendar"
	case "calendar.write":
		return "Change your calendar"
	}
	return "Use"
}
