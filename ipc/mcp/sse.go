package mcp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
)

// errTooLong means that a server sent a message that is longer than maxMessage.
var errTooLong = errors.New("a message is too long")

// eventBuffer is what an open stream holds, in bytes: an agent may have a thousand.
const eventBuffer = 2 << 10

// maxRetry is the longest pause that a server may ask for.
const maxRetry = time.Minute

// events reads an event stream as the HTML standard describes it (§9.2.6).
type events struct {
	in *bufio.Reader
	// lastID is the id of the last event, for Last-Event-ID.
	lastID string
	// retry is the pause before a new connection that the server asked for; 0 if it did not.
	retry time.Duration

	begun bool // the first line was read
	cr    bool // the last line ended with a carriage return, which a line feed may follow
}

// next returns the data of the next event that has any. An event that the stream's end cuts off is dropped.
func (e *events) next() (data []byte, err error) {
	id, some := e.lastID, false
	for {
		line, err := e.line()
		if err != nil {
			return nil, err
		}
		if line == "" {
			e.lastID = id
			if some && len(data) > 1 {
				return data[:len(data)-1], nil
			}
			data, some = nil, false
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "data":
			if len(data)+len(value) > maxMessage {
				return nil, errTooLong
			}
			data, some = append(append(data, value...), '\n'), true
		case "id":
			if !strings.ContainsRune(value, 0) {
				id = value
			}
		case "retry":
			if ms, err := strconv.ParseUint(value, 10, 31); err == nil {
				e.retry = min(time.Duration(ms)*time.Millisecond, maxRetry)
			}
		}
	}
}

// line returns the next line without its end, which is a carriage return, a line feed, or both.
func (e *events) line() (string, error) {
	var line []byte
	for {
		if _, err := e.in.Peek(1); err != nil {
			return "", err
		}
		chunk, err := e.in.Peek(e.in.Buffered())
		if err != nil {
			return "", err
		}
		feed := e.cr && chunk[0] == '\n'
		e.cr = false
		if feed {
			_, _ = e.in.Discard(1)
			continue
		}
		end := bytes.IndexAny(chunk, "\r\n")
		read := end + 1
		if end < 0 {
			end, read = len(chunk), len(chunk)
		}
		if len(line)+end > maxMessage+len("data: ") {
			return "", errTooLong
		}
		line = append(line, chunk[:end]...)
		ended := end < len(chunk)
		e.cr = ended && chunk[end] == '\r'
		_, _ = e.in.Discard(read)
		if ended {
			return e.text(line), nil
		}
	}
}

// text is a line without the byte order mark that a stream may begin with.
func (e *events) text(line []byte) string {
	if !e.begun {
		e.begun, line = true, bytes.TrimPrefix(line, []byte("\ufeff"))
	}
	return string(line)
}

func newEvents(in io.Reader) *events { return &events{in: bufio.NewReaderSize(in, eventBuffer)} }
