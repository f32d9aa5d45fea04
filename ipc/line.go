package ipc

import (
	"context"
	"errors"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

// serveLines answers line after line until the caller or the server ends it.
func (sv *serving) serveLines(c *conn, r *lineReader) {
	ctx := account.WithCaller(sv.base, c.caller)
	begun := func() { sv.readBy(c, sv.limits.message) }
	for {
		if !r.buffered() && !r.eof && !sv.readBy(c, sv.limits.idleLine) {
			return
		}
		line, err := r.next(begun)
		out := sv.buffers.get()
		switch {
		case err == nil:
			*out = sv.answerLine(ctx, line, *out)
		case errors.Is(err, errLineTooLong):
			*out = appendError(*out, sv.report(ctx, "line", "", tooLarge(maxTokenRequest)))
		case errors.Is(err, errNoRoom):
			*out = appendError(*out, sv.report(ctx, "line", "", errMadeWay()))
		default:
			sv.buffers.put(out)
			return
		}
		*out = append(*out, '\n')
		_, writeErr := c.Write(*out)
		sv.buffers.put(out)
		// After a line that was not read to its end nobody knows where the next one begins.
		if err != nil || writeErr != nil || sv.stop.Err() != nil {
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
