package oauthtest

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Fault is something that happens to a request: it stands before the endpoint's handler, next, and may answer itself,
// let next answer, or change what next answers. The request's form has been read. A nil Fault does nothing.
//
// Faults other than those of this package are one function. They must be safe for concurrent use when they are given
// to [Server.Always], and must not wait for longer than the request's context lives.
type Fault func(next http.Handler) http.Handler

func (f Fault) apply(next http.Handler) http.Handler {
	if f == nil {
		return next
	}
	return f(next)
}

// Chain returns a fault of several: the last one is the nearest to the real answer.
func Chain(faults ...Fault) Fault {
	return func(next http.Handler) http.Handler {
		for i := len(faults) - 1; i >= 0; i-- {
			next = faults[i].apply(next)
		}
		return next
	}
}

// instead is a fault that answers without asking the endpoint, which does not change its state.
func instead(answer http.HandlerFunc) Fault {
	return func(http.Handler) http.Handler { return answer }
}

// Respond answers with status, header and body; header may be nil.
func Respond(status int, header http.Header, body string) Fault {
	return instead(func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range header {
			w.Header()[http.CanonicalHeaderKey(name)] = values
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

// Status answers with status and its name in plain text, as a gateway would.
func Status(status int) Fault {
	return Respond(status, http.Header{"Content-Type": {"text/plain"}}, http.StatusText(status)+"\n")
}

// RetryAfter answers with status, usually 429 or 503, and the header Retry-After: seconds or an HTTP date.
func RetryAfter(status int, value string) Fault {
	return Respond(status, http.Header{"Retry-After": {value}}, "")
}

// HTML answers with a page that is no answer at all, as captive portals and proxies do.
func HTML(status int) Fault {
	return Respond(status, http.Header{"Content-Type": {"text/html; charset=utf-8"}},
		"<!doctype html><title>Sign in to the network</title><p>Welcome to our <b>wireless</b> network.</p>\n")
}

// Empty answers 200 without a body.
func Empty() Fault {
	return Respond(http.StatusOK, http.Header{"Content-Type": {"application/json"}}, "")
}

// Error answers with an OAuth error (RFC 6749 §5.2); a status of 200 is what some servers send with it.
func Error(status int, code string) Fault {
	return Respond(status, http.Header{"Content-Type": {"application/json"}}, fmt.Sprintf("{\"error\":%q}\n", code))
}

// Redirect answers with a redirect to location; 307 and 308 ask the client to send the form there.
func Redirect(status int, location string) Fault {
	return Respond(status, http.Header{"Location": {location}}, "")
}

// Huge answers 200 with a JSON object of at least n bytes.
func Huge(n int) Fault {
	return instead(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"filler":"`)
		block := strings.Repeat("x", 32<<10)
		for written := 0; written < n; written += len(block) {
			if _, err := io.WriteString(w, block); err != nil {
				return
			}
		}
		_, _ = io.WriteString(w, `"}`)
	})
}

// Hang never answers; it ends when the client goes away.
func Hang() Fault {
	return instead(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
}

// Slow waits for d and then lets the request through.
func Slow(d time.Duration) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			timer := time.NewTimer(d)
			defer timer.Stop()
			select {
			case <-timer.C:
				next.ServeHTTP(w, r)
			case <-r.Context().Done():
			}
		})
	}
}

// Reset breaks the connection; the request is not processed.
func Reset() Fault {
	return instead(func(w http.ResponseWriter, _ *http.Request) { breakConnection(w) })
}

// LoseAnswer processes the request and then breaks the connection: the server's state has changed, and the client
// does not know.
func LoseAnswer() Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			record(next, r)
			breakConnection(w)
		})
	}
}

// CutOff processes the request and breaks the connection in the middle of the answer's body.
func CutOff() Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := record(next, r)
			body := answer.body.Bytes()
			answer.header.Set("Content-Length", strconv.Itoa(len(body)))
			answer.body.Truncate(len(body) / 2)
			answer.replay(w)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})
	}
}

// breakConnection sends a TCP reset if there is TCP.
func breakConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
