package proxy

import (
	"encoding/json"
	"net/http"
	"strconv"

	"oauthd/ipc/api"
)

// status returns the status of an answer that the proxy itself gives. Never 401: the client's own login, which it would
// then repeat, is not what is missing.
func status(code api.Code) int {
	switch s := code.HTTPStatus(); {
	case s == http.StatusForbidden:
		return http.StatusForbidden
	case s == http.StatusLocked || s == http.StatusTooManyRequests || s == http.StatusServiceUnavailable || s == http.StatusGatewayTimeout:
		return http.StatusServiceUnavailable
	}
	return http.StatusBadGateway
}

// refuse answers with an error of ours.
func refuse(w http.ResponseWriter, status int, e *api.Error) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(e.RetryAfter))
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(api.ErrorBody{Error: e})
}
