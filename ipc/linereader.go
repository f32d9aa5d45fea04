package ipc

import (
	"bytes"
	"errors"
	"io"
)

// lineBuffer is the buffer of an idle connection, in bytes.
const lineBuffer = 512

var (
	errLineTooLong = errors.New("line too long")
	errNoRoom      = errors.New("no room for the line")
)

// lineReader cuts a connection's bytes into lines. Unlike bufio.Reader it starts small and shrinks again, so that a
// thousand idle connections cost little.
type lineReader struct {
	conn       *conn
	buf        []byte
	start, end int // the bytes not returned yet are buf[start:end]
	eof        bool
}

// buffered reports whether a further line has begun.
func (r *lineReader) buffered() bool { return r.start < r.end }

// next returns the next line without its end; it is valid until the next call. begun is called once a line has begun to
// arrive without its end. The last line may lack its end. The error is io.EOF, errLineTooLong,
// errNoRoom if the line had to make way for others, or the connection's.
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
			return line, r.settled()
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
			return line, r.settled()
		}
		if r.buffered() && !told {
			told = true
			begun()
		}
		if !r.makeRoom() {
			return nil, errNoRoom
		}
		searched = r.end
		n, err := r.conn.Conn.Read(r.buf[r.end:])
		r.end += n
		if r.conn.madeWay.Load() {
			return nil, errNoRoom
		}
		if errors.Is(err, io.EOF) {
			r.eof = true
		} else if err != nil && n == 0 {
			return nil, err
		}
	}
}

// settled keeps the line from having to make way while it is being answered.
func (r *lineReader) settled() error {
	if r.conn.whole() != nil {
		return errNoRoom
	}
	return nil
}

// makeRoom moves what is left to the front, grows a full buffer and frees a large empty one. It returns false if the
// line had to make way for others.
func (r *lineReader) makeRoom() bool {
	switch {
	case !r.buffered():
		r.start, r.end = 0, 0
		if len(r.buf) > lineBuffer {
			r.buf = make([]byte, lineBuffer)
			r.conn.next()
		}
	case r.start > 0:
		r.end = copy(r.buf, r.buf[r.start:r.end])
		r.start = 0
		if r.conn.large.Load() {
			r.conn.arrivals.again(r.conn)
		}
	case r.end == len(r.buf):
		r.conn.large.Store(true)
		if !r.conn.arrivals.take(r.conn, 3*len(r.buf)) {
			return false
		}
		grown := make([]byte, 4*len(r.buf))
		copy(grown, r.buf[:r.end])
		r.buf = grown
	}
	return true
}
