package oauthtest

import (
	"fmt"
	"html"
	"net/http"
)

// devicePage is where the person enters the user code, and decides (RFC 8628 §3.3). A code that comes with the URL is
// shown and has to be confirmed (§3.3.1).
func (s *Server) devicePage(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	if !allowed(w, r, http.MethodGet, http.MethodPost) {
		return
	}
	if r.Method == http.MethodPost {
		s.decideOnPage(w, r)
		return
	}
	userCode := r.Form.Get("user_code")
	if userCode == "" {
		writeUserCodePage(w, s.prefix+"/device", "")
		return
	}
	s.mu.Lock()
	d := s.waitingDeviceLocked(func(d *deviceGrant) bool { return plainCode(d.userCode) == plainCode(userCode) })
	user := s.user
	s.mu.Unlock()
	if d == nil {
		writeUserCodePage(w, s.prefix+"/device", "No device waits with that code. Is it typed right, and not too old?")
		return
	}
	writeDeviceConsentPage(w, s.prefix+"/device", d, user)
}

func (s *Server) decideOnPage(w http.ResponseWriter, r *http.Request) {
	what := deniedDevice
	if r.PostForm.Get("decision") == Allow {
		what = allowedDevice
	}
	s.mu.Lock()
	d := s.waitingDeviceLocked(func(d *deviceGrant) bool { return d.page == r.PostForm.Get("request") })
	if d != nil {
		s.settleLocked(d, what)
	}
	s.mu.Unlock()
	switch {
	case d == nil:
		writeErrorPage(w, "This question has been answered already, or it took too long. Start again on the device.")
	case what == allowedDevice:
		writePage(w, http.StatusOK, "Allowed",
			"<h1 id=\"result\">Allowed</h1>\n<p>The device goes on by itself. You can close this page.</p>\n")
	default:
		writePage(w, http.StatusOK, "Denied",
			"<h1 id=\"result\">Denied</h1>\n<p>The device gets nothing. You can close this page.</p>\n")
	}
}

func writeUserCodePage(w http.ResponseWriter, action, problem string) {
	status := http.StatusOK
	if problem == "" {
		problem = "It is shown on the device that asked you to come here."
	} else {
		status = http.StatusNotFound
	}
	writePage(w, status, "Enter the code", fmt.Sprintf(`<h1>Enter the code</h1>
<p>%s</p><br>
<form method="get" action="%s">
<button id="continue">Continue</button>
<input id="user_code" name="user_code" autocomplete="off" autocapitalize="characters" spellcheck="false" required autofocus>
</form>
`, html.EscapeString(problem), html.EscapeString(action)))
}

func writeDeviceConsentPage(w http.ResponseWriter, action string, d *deviceGrant, user User) {
	name := html.EscapeString(d.client.label())
	writePage(w, http.StatusOK, "Allow "+d.client.label()+"?", fmt.Sprintf(`<h1>Allow <b>%s</b> to use your account?</h1>
<p>You are logged in as <b>%s</b>. The device shows the code <b id="code">%s</b>.<br>It would be able to:</p>
<ul>
%s</ul>
<form method="post" action="%s">
<input type="hidden" name="request" value="%s">
<button id="allow" name="decision" value="allow">Allow</button>
<button id="deny" name="decision" value="deny">Deny</button>
</form>
<small>Say no when the device is not in front of you, or when somebody sent you this code.</small>
<small>This is a practice authorization server. Its accounts are made up.</small>
`, name, html.EscapeString(user.label()), html.EscapeString(d.userCode), scopeItems(d.consent.scopes),
		html.EscapeString(action), html.EscapeString(d.page)))
}
