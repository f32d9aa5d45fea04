package redirect

import (
	"net/http"
	"testing"
)

// What browsers send, as recorded or as their specifications have it; TestRealBrowserSources sees Chromium send it.
func TestNavigations(t *testing.T) {
	tests := []struct {
		name   string
		header http.Header
		form   bool
	}{
		{name: "program without a page, such as curl", header: http.Header{}},
		{name: "redirect from another site", header: fetched("cross-site", "navigate", "document")},
		{name: "redirect after a click", header: with(fetched("cross-site", "navigate", "document"), "Sec-Fetch-User", "?1")},
		{name: "typed, pasted, or restored with its session", header: fetched("none", "navigate", "document")},
		{name: "provider on this host", header: fetched("same-site", "navigate", "document")},
		{name: "reload", header: fetched("same-origin", "navigate", "document")},
		{name: "through a service worker", header: fetched("same-origin", "navigate", "empty")},
		{name: "old browser with a Referer", header: http.Header{"Referer": {testIssuer + "/"}}},

		{name: "form", form: true, header: with(fetched("cross-site", "navigate", "document"), "Origin", testIssuer)},
		{name: "form of a page on another host", form: true, header: with(fetched("cross-site", "navigate", "document"), "Origin", "https://login.example.com")},
		{name: "form, redirected or without referrer", form: true, header: with(fetched("cross-site", "navigate", "document"), "Origin", "null")},
		{name: "form through a service worker", form: true, header: with(fetched("same-origin", "navigate", "empty"), "Origin", testIssuer)},
		{name: "form of an old browser", form: true, header: http.Header{"Origin": {"null"}}},
		{name: "form of a browser that sends no Origin", form: true, header: http.Header{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := Config{}
			if tt.form {
				cfg.ResponseMode = "form_post"
			}
			s := start(t, cfg)
			r := request(t, http.MethodGet, good(s))
			if tt.form {
				r = form(t, s.RedirectURI(), goodForm())
				tt.header.Set("Content-Type", formType)
			}
			r.Header = tt.header
			if resp, _ := do(t, r); resp.StatusCode != http.StatusSeeOther {
				t.Errorf("got %d, want 303", resp.StatusCode)
			}
			wantCode(t, s)
		})
	}
}

func TestResponsesOfAWebPage(t *testing.T) {
	tests := []struct {
		name   string
		header http.Header
		form   bool
		quiet  bool // the person need not know
	}{
		{name: "image", header: fetched("cross-site", "no-cors", "image")},
		{name: "image with an Origin", header: with(fetched("cross-site", "no-cors", "image"), "Origin", "https://evil.example.com")},
		{name: "frame", header: fetched("cross-site", "navigate", "iframe")},
		{name: "object", header: fetched("cross-site", "navigate", "object")},
		{name: "script", header: fetched("cross-site", "no-cors", "script")},
		{name: "fetch without CORS", header: fetched("cross-site", "no-cors", "empty")},
		{name: "fetch", header: with(fetched("cross-site", "cors", "empty"), "Origin", "https://evil.example.com")},
		{name: "WebSocket", header: with(fetched("cross-site", "websocket", "empty"), "Origin", "https://evil.example.com")},
		{name: "mode alone", header: http.Header{"Sec-Fetch-Mode": {"no-cors"}}},
		{name: "destination alone", header: http.Header{"Sec-Fetch-Dest": {"image"}}},
		{name: "empty destination alone", header: http.Header{"Sec-Fetch-Dest": {"empty"}}},
		{name: "empty header fields", header: http.Header{"Sec-Fetch-Mode": {""}, "Sec-Fetch-Dest": {""}}},
		{name: "foreign Origin alone", header: http.Header{"Origin": {"https://evil.example.com"}}},
		{name: "hidden Origin alone", header: http.Header{"Origin": {"null"}}},
		{name: "foreign Origin in a navigation", header: with(fetched("cross-site", "navigate", "document"), "Origin", "https://evil.example.com")},
		{name: "second mode", header: http.Header{"Sec-Fetch-Mode": {"navigate", "no-cors"}}},
		{name: "second destination", header: http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document", "image"}}},
		{name: "prefetch by rules", quiet: true, header: with(fetched("cross-site", "navigate", "document"), "Sec-Purpose", "prefetch")},
		{name: "prerender", quiet: true, header: with(fetched("cross-site", "navigate", "document"), "Sec-Purpose", "prefetch;prerender")},
		{name: "prefetch of an old browser", quiet: true, header: http.Header{"Purpose": {"prefetch"}}},

		{name: "form in a frame", form: true, header: with(fetched("cross-site", "navigate", "iframe"), "Origin", testIssuer)},
		{name: "form sent by a script", form: true, header: with(fetched("cross-site", "no-cors", "empty"), "Origin", "https://evil.example.com")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := Config{}
			if tt.form {
				cfg.ResponseMode = "form_post"
			}
			s, noticed := startNoticing(t, cfg)
			r := request(t, http.MethodGet, good(s))
			if tt.form {
				r = form(t, s.RedirectURI(), goodForm())
				tt.header.Set("Content-Type", formType)
			}
			r.Header = tt.header
			if resp, _ := do(t, r); resp.StatusCode != http.StatusNotFound {
				t.Errorf("got %d, want 404", resp.StatusCode)
			}
			if tt.form {
				stillWaitsForForm(t, s)
			} else {
				stillWaits(t, s)
			}
			want := []Notice{NoticeWebPage}
			if tt.quiet {
				want = nil
			}
			noticed(want...)
		})
	}
}

// fetched returns fetch metadata (W3C Fetch Metadata Request Headers).
func fetched(site, mode, dest string) http.Header {
	return http.Header{"Sec-Fetch-Site": {site}, "Sec-Fetch-Mode": {mode}, "Sec-Fetch-Dest": {dest}}
}

func with(h http.Header, key, value string) http.Header {
	h.Set(key, value)
	return h
}
