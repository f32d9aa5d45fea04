package ipc

import (
	"context"
	"errors"
	"runtime"
	"time"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

// yieldEvery is how many answers in a row a connection gets before others have their turn. A connection whose next line
// is always there never blocks, and Go takes the processor from it only after 10 ms: with 64 of them, one would wait
// for a third of a second.
const yieldEvery = 8

// serveLines answers line after line until the caller or the server ends it.
func (sv *serving) serveLines(c *conn, r *lineReader) {
	sv.lines.Add(1)
	defer sv.lines.Add(-1)
	ctx := account.WithCaller(sv.base, c.caller)
	begun := func() { sv.readBy(c, time.Now().Add(sv.limits.message)) }
	last := time.Now() // when the newest line was read
	for answers := 1; ; answers++ {
		if !r.buffered() && !r.eof && !sv.readBy(c, last.Add(sv.limits.idleLine)) {
			return
		}
		line, err := r.next(begun)
		last = time.Now()
		answered := last
		out := sv.buffers.get()
		switch {
		case err == nil:
			*out, answered = sv.answerLine(ctx, c, last, line, *out)
		case errors.Is(err, errLineTooLong):
			*out = appendError(*out, sv.report(ctx, "line", "", tooLarge(maxTokenRequest)))
		case errors.Is(err, errNoRoom):
			*out = appendError(*out, sv.report(ctx, "line", "", errMadeWay()))
		default:
			sv.buffers.put(out)
			return
		}
		*out = append(*out, '\n')
		_, writeErr := c.writeAt(answered, *out)
		sv.buffers.put(out)
		// After a line that was not read to its end, nobody knows where the next one begins.
		if err != nil || writeErr != nil || sv.stop.Err() != nil {
			return
		}
		if answers%yieldEvery == 0 && sv.lines.Load() > 1 {
			runtime.Gosched()
		}
	}
}

// answerLine appends the answer to a line that was read at that time to out, and returns the time of the answer.
func (sv *serving) answerLine(ctx context.Context, c *conn, received time.Time, line, out []byte) ([]byte, time.Time) {
	sv.cfg.Requested()
	limited := withDeadline(ctx, received, sv.limits.request)
	defer limited.end()
	req, err := decodeTokenRequest(line)
	if err == nil {
		var t api.Token
		if t, err = sv.token(limited, req); err == nil {
			sv.asksFor(c, t.Account)
			return t.AppendJSON(out), limited.now()
		}
	}
	return appendError(out, sv.report(ctx, "line", req.Account, err)), limited.now()
}
