package redirect

import (
	"io"
	"mime"
	"net/http"
)

// The response modes: the redirect URI's query (OAuth 2.0 Multiple Response Type Encoding Practices §2.1), and the body
// of a form (OAuth 2.0 Form Post Response Mode §2).
const (
	modeQuery    = "query"
	modeFormPost = "form_post"
)

// readResponse returns the parameters in a request to the redirect URI, still encoded, and the mode in which they came;
// "" for no mode, as in the query and in the body. There are none in a request that fits no mode. What is longer
// than any response is cut, but stays longer than maxQuery.
func readResponse(r *http.Request, query string, hasQuery bool) (encoded, mode string) {
	switch {
	case r.Method == http.MethodGet:
		return query, modeQuery
	case r.Method != http.MethodPost || !isForm(r):
		return "", ""
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxQuery+1))
	if err != nil {
		return "", ""
	}
	if hasQuery {
		return query + "&" + string(body), ""
	}
	return string(body), modeFormPost
}

func isForm(r *http.Request) bool {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // its parameters do not matter
	return kind == "application/x-www-form-urlencoded"
}
