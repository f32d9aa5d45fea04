package redirect

import (
	"net/http"
	"strings"
)

// isNavigation reports whether r can come from a tab that follows a link, a redirect or a form. A request that a web
// page sent by itself, as for an image, a frame or a script, gives itself away by its fetch metadata (W3C Fetch
// Metadata Request Headers), which no page can forge. Older browsers send none of it, and neither does curl.
//
// A service worker that an earlier server left behind at this port passes navigations on with the destination "empty",
// which otherwise comes with other modes only. The Origin of a form says nothing: it may be any of the provider's, or
// null if the page hides it or another site redirected it. A navigation by GET never has one (Fetch §3.2).
func isNavigation(r *http.Request) bool {
	modes := r.Header.Values("Sec-Fetch-Mode")
	for _, mode := range modes {
		if mode != "navigate" {
			return false
		}
	}
	for _, dest := range r.Header.Values("Sec-Fetch-Dest") {
		if dest != "document" && (dest != "empty" || len(modes) == 0) {
			return false
		}
	}
	return r.Method != http.MethodGet || len(r.Header.Values("Origin")) == 0
}

// isPrefetch reports whether a browser sent r in advance. If the person does go there, it asks again.
func isPrefetch(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Sec-Purpose"), "prefetch") || r.Header.Get("Purpose") == "prefetch"
}

// isCrossSite reports whether a browser says that a page of another site is behind r. The person who types or opens an
// address has none behind it ("none").
func isCrossSite(r *http.Request) bool {
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "none" && site != "same-origin" {
			return true
		}
	}
	return false
}
