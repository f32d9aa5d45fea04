package ipc

import (
	"bytes"
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"time"

	"oauthd/ipc/api"
)

// nothing is the answer of a request that only does something: {}.
type nothing struct{}

// orEmpty makes a nil list an empty one, because the answer is to be [], not null.
func orEmpty[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}

// readBody reads a body of at most limit bytes within the time that a request may take to arrive.
func (sv *serving) readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	c := connOf(r)
	c.phase = inBody
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(sv.limits.message))
	var body bytes.Buffer
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	_ = control.SetReadDeadline(time.Time{})
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge(limit)
	case c.madeWay.Load():
		return nil, errMadeWay()
	case err != nil:
		return nil, badRequest("the request's body did not arrive", "send as many bytes as Content-Length says").Because(err)
	}
	return body.Bytes(), c.whole()
}

// answer writes v as JSON, unless err is to be answered instead.
func (c *call) answer(v any, err error) error {
	if err != nil {
		return err
	}
	b, err := api.Marshal(v)
	if err != nil {
		return err
	}
	writeBody(c.w, http.StatusOK, append(b, '\n'))
	return nil
}

// fail answers err.
func (sv *serving) fail(w http.ResponseWriter, r *http.Request, name string, err error) {
	e := sv.report(r.Context(), cmp.Or(r.Pattern, r.Method), name, err)
	writeError(w, e.Code.HTTPStatus(), e)
}

func (sv *serving) failStatus(w http.ResponseWriter, r *http.Request, status int, e *api.Error) {
	writeError(w, status, sv.report(r.Context(), cmp.Or(r.Pattern, r.Method), "", e))
}

func writeError(w http.ResponseWriter, status int, e *api.Error) {
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(e.RetryAfter))
	}
	writeBody(w, status, append(marshalError(e), '\n'))
}

func writeBody(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if len(body) > 2<<10 {
		// net/http counts shorter bodies itself and sends longer ones in chunks.
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	// RFC 6749 §5.1. Its "Pragma: no-cache" is for HTTP/1.0 caches, of which there is none on a Unix socket.
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
