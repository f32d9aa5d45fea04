package redirect

import (
	"errors"
	"io"
	"mime"
	"net/http"
)

// isFormPost reports whether r is the POST of a form that a page in a tab of its own sent, as OAuth 2.0 Form Post
// Response Mode §2 has it. Its Origin says nothing: the page may be any of the provider's, and is null where that hides
// its address. Of the fetch metadata, which old browsers do not send, only a navigation's will do.
func isFormPost(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	mode, dest := r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	return r.Method == http.MethodPost && err == nil && kind == "application/x-www-form-urlencoded" &&
		(mode == "" || mode == "navigate") && (dest == "" || dest == "document")
}

// handleForm takes the authorization response out of a form's body.
func (s *Server) handleForm(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxQuery))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		refuse(w, http.StatusRequestEntityTooLarge)
		return
	}
	if err != nil {
		refuse(w, http.StatusNotFound)
		return
	}
	s.handleResponse(w, string(body))
}
