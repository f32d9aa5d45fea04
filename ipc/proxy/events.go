package proxy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
)

// errTakenOver ends an answer that goes on without the server's help.
var errTakenOver = errors.New("proxy: taken over")

// isEvents reports whether an answer is a stream of events, which is open for hours and idle for most of them.
func isEvents(res *http.Response) bool {
	return res.StatusCode == http.StatusOK && strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream")
}

// events is a stream of events that was taken over from the server. It holds a small part of the memory that an answer takes
// otherwise, so that agents can have a thousand.
type events struct {
	client net.Conn
	from   io.ReadCloser
	// cancel ends the request to the upstream, and ended is called last.
	cancel, ended func()
}

// takeOver moves the answer res to r out of the server's hands; false if that cannot be: w then answers as ever. The request's
// body must have been read.
func takeOver(w http.ResponseWriter, r *http.Request, res *http.Response, cancel, ended func()) bool {
	if !r.ProtoAtLeast(1, 1) || r.ProtoMajor != 1 || res.ContentLength >= 0 || len(res.Trailer) > 0 {
		return false
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false
	}
	e := &events{client: conn, from: res.Body, cancel: cancel, ended: ended}
	res.Body = http.NoBody
	head := &strings.Builder{}
	fmt.Fprintf(head, "HTTP/1.1 %s\r\n", res.Status)
	_ = res.Header.Write(head) // never fails
	head.WriteString("Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
	if buffered.Reader.Buffered() > 0 {
		cancel() // it sent something after a request that is not answered yet, and does not expect an end
	}
	go e.watch()
	go e.pass(head.String())
	return true
}

// watch ends the stream once the client has gone, or says anything.
func (e *events) watch() {
	var one [1]byte
	_, _ = e.client.Read(one[:])
	e.cancel()
}

// pass passes on what comes, each piece at once in a chunk of its own (RFC 9112 §7.1). Only a stream that has come to its end has
// an end.
func (e *events) pass(head string) {
	defer e.ended()
	defer e.cancel()
	defer e.client.Close()
	defer e.from.Close()
	if _, err := io.WriteString(e.client, head); err != nil {
		return
	}
	var in [eventBuffer]byte
	var out [eventBuffer + 16]byte
	for {
		n, err := e.from.Read(in[:])
		if n > 0 {
			chunk := strconv.AppendInt(out[:0], int64(n), 16)
			chunk = append(append(append(chunk, "\r\n"...), in[:n]...), "\r\n"...)
			if _, err := e.client.Write(chunk); err != nil {
				return
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			_, _ = io.WriteString(e.client, "0\r\n\r\n")
			return
		case err != nil:
			return
		}
	}
}

// readBody is a request's body that knows whether it has been read.
type readBody struct {
	io.ReadCloser
	read atomic.Bool
}

// Read implements [io.Reader].
func (b *readBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.read.Store(errors.Is(err, io.EOF))
	}
	return n, err
}
