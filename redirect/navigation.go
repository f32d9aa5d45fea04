package redirect

import "net/http"

// isNavigation reports whether the fetch metadata of a form, which old browsers do not send, is that of a navigation in a
// tab of its own.
func isNavigation(r *http.Request) bool {
	mode, dest := r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	return r.Method != http.MethodPost || (mode == "" || mode == "navigate") && (dest == "" || dest == "document")
}
