package ipc

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

const (
	lineBuffer = 512      // what an idle connection keeps
	keepBuffer = 16 << 10 // answers above this are not pooled
)

var errLineTooLong = errors.New("line too long")

// lineReader cuts a connection's bytes into lines. Unlike bufio.Reader it starts small and shrinks again, so that a
// thousand idle connections cost little.
type lineReader struct {
	conn       *net.UnixConn
	buf        []byte
	start, end int // the bytes not yet handed out are buf[start:end]
	eof        bool
}

// buffered reports whether a further line has begun.
func (r *lineReader) buffered() bool { return r.start < r.end }

// next returns the next line without its end; it is valid until the next call. begun is called when the first bytes
// of a line are there and its end is not. The last line may lack its end. The error is io.EOF, errLineTooLong, or the
// connection's.
func (r *lineReader) next(begun func()) ([]byte, error) {
	searched := r.start
	told := false
	for {
		if i := bytes.IndexByte(r.buf[searched:r.end], '\n'); i >= 0 {
			line := r.buf[r.start : searched+i]
			r.start = searched + i + 1
			if len(line) > maxTokenRequest {
				return nil, errLineTooLong
			}
			return line, nil
		}
		if r.end-r.start > maxTokenRequest {
			return nil, errLineTooLong
		}
		if r.eof {
			line := r.buf[r.start:r.end]
			r.start = r.end
			if len(line) == 0 {
				return nil, io.EOF
			}
			return line, nil
		}
		if r.buffered() && !told {
			told = true
			begun()
		}
		r.makeRoom()
		searched = r.end
		n, err := r.conn.Read(r.buf[r.end:])
		r.end += n
		if errors.Is(err, io.EOF) {
			r.eof = true
		} else if err != nil && n == 0 {
			return nil, err
		}
	}
}

// makeRoom moves what is left to the front, grows a full buffer and lets go of a large empty one.
func (r *lineReader) makeRoom() {
	switch {
	case !r.buffered():
		r.start, r.end = 0, 0
		if len(r.buf) > lineBuffer {
			r.buf = make([]byte, lineBuffer)
		}
	case r.start > 0:
		r.end = copy(r.buf, r.buf[r.start:r.end])
		r.start = 0
	case r.end == len(r.buf):
		grown := make([]byte, 4*len(r.buf))
		copy(grown, r.buf[:r.end])
		r.buf = grown
	}
}

// answers keeps the buffers that answers are written to.
type answers struct{ pool sync.Pool }

func (a *answers) get() *[]byte {
	if b, ok := a.pool.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 0, 4<<10)
	return &b
}

func (a *answers) put(b *[]byte) {
	// Tokens do not outlive their answer.
	clear(*b)
	if cap(*b) <= keepBuffer {
		*b = (*b)[:0]
		a.pool.Put(b)
	}
}

// serveLines answers line after line until the caller or the server ends it.
func (sv *serving) serveLines(c *conn, r *lineReader) {
	ctx := account.WithCaller(sv.base, c.caller)
	begun := func() { sv.readBy(c, sv.limits.message) }
	for {
		if !r.buffered() && !r.eof && !sv.readBy(c, sv.limits.idleLine) {
			return
		}
		line, err := r.next(begun)
		if err != nil && !errors.Is(err, errLineTooLong) {
			return
		}
		tooLong := err != nil
		out := sv.answers.get()
		if tooLong {
			*out = appendError(*out, sv.report(ctx, "line", "", tooLarge(maxTokenRequest)))
		} else {
			*out = sv.answerLine(ctx, line, *out)
		}
		*out = append(*out, '\n')
		_, err = c.Write(*out)
		sv.answers.put(out)
		// After a line that was too long nobody knows where the next one begins.
		if err != nil || tooLong || sv.stop.Err() != nil {
			return
		}
	}
}

// answerLine appends the answer to one line to out.
func (sv *serving) answerLine(ctx context.Context, line, out []byte) []byte {
	sv.cfg.Requested()
	req, err := decodeTokenRequest(line)
	if err == nil {
		limited := withDeadline(ctx, sv.limits.request)
		defer limited.end()
		var t api.Token
		if t, err = sv.token(limited, req); err == nil {
			return appendToken(out, &t)
		}
	}
	return appendError(out, sv.report(ctx, "line", req.Account, err))
}

// token asks the backend, for both front ends, under the deadline that they gave ctx.
func (sv *serving) token(ctx context.Context, req api.TokenRequest) (t api.Token, err error) {
	if err := checkTokenRequest(req); err != nil {
		return api.Token{}, err
	}
	defer recovered(&err)
	return sv.cfg.Backend.Token(ctx, req)
}
