package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"time"

	"oauthd/ipc/api"
)

// Token asks for an access token, which the daemon has at hand or gets from the provider; it lives for r.MinTTL at least
// if the provider makes such. It uses line JSON on a kept connection, and waits a minute at most if ctx has no deadline of
// its own, or until a person has logged in if r.Interactive is set. Callers need not keep the token: asking again is how
// they get a fresh one. The errors are those of this package, foremost [ErrLoginRequired].
func (c *Client) Token(ctx context.Context, r api.TokenRequest) (api.Token, error) {
	if r.Force || r.Interactive {
		defer c.release() // this may be another token
	}
	t, err := c.token(ctx, r)
	again, err := c.unlocked(ctx, err)
	if again {
		return c.token(ctx, r)
	}
	return t, err
}

func (c *Client) token(ctx context.Context, r api.TokenRequest) (api.Token, error) {
	if err := ctx.Err(); err != nil {
		return api.Token{}, contextError(err)
	}
	defer c.waits(ctx)()
	request, err := json.Marshal(r)
	if err != nil {
		return api.Token{}, err
	}
	request = append(request, '\n')
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(tokenTimeout)
		if r.Interactive {
			deadline = time.Now().Add(personTimeout)
		}
	}
	if lc := c.takeIdle(); lc != nil {
		t, err := c.ask(ctx, lc, request, deadline)
		if !errors.Is(err, errConnection) {
			return t, err
		}
		// The daemon was restarted, or closed what was idle for long; the other connections are as old.
		c.closeIdle()
	}
	if !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	var t api.Token
	err = c.persist(ctx, func() error {
		conn, err := c.dial(ctx)
		if err != nil {
			return err
		}
		t, err = c.ask(ctx, &lineConn{conn: conn, in: bufio.NewReader(conn)}, request, deadline)
		return err
	})
	return t, err
}

// errConnection says that a connection broke before an answer came.
var errConnection = errors.New("client: the connection broke")

// lineConn is a connection that speaks line JSON.
type lineConn struct {
	conn net.Conn
	in   *bufio.Reader
}

func (lc *lineConn) close() { _ = lc.conn.Close() }

func (c *Client) takeIdle() *lineConn {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.idle)
	if n == 0 {
		return nil
	}
	lc := c.idle[n-1]
	c.idle[n-1] = nil
	c.idle = c.idle[:n-1]
	return lc
}

func (c *Client) putIdle(lc *lineConn) {
	c.mu.Lock()
	keep := len(c.idle) < maxIdle
	if keep {
		c.idle = append(c.idle, lc)
	}
	c.mu.Unlock()
	if !keep {
		lc.close()
	}
}

// ask sends one line and reads one. It keeps the connection afterwards, or closes it.
func (c *Client) ask(ctx context.Context, lc *lineConn, request []byte, deadline time.Time) (api.Token, error) {
	_ = lc.conn.SetDeadline(deadline)
	stop := func() bool { return true }
	if ctx.Done() != nil {
		stop = context.AfterFunc(ctx, func() { _ = lc.conn.SetDeadline(time.Unix(1, 0)) })
	}
	answer, err := lc.exchange(request)
	untouched := stop()
	if err != nil {
		lc.close()
		var timeout net.Error
		switch {
		case ctx.Err() != nil:
			return api.Token{}, contextError(ctx.Err())
		case errors.As(err, &timeout) && timeout.Timeout():
			return api.Token{}, contextError(context.DeadlineExceeded)
		case errors.Is(err, errAnswerTooLong):
			return api.Token{}, err
		}
		return api.Token{}, errors.Join(errConnection, err)
	}
	t, err := parseToken(answer)
	var e *api.Error
	// If the daemon refused the connection or gave up on it, it closes it.
	if untouched && !(errors.As(err, &e) && closesAfter(e.Code)) {
		c.putIdle(lc)
	} else {
		lc.close()
	}
	return t, err
}

func closesAfter(code api.Code) bool {
	return code == api.Forbidden || code == api.Busy || code == api.TooLarge
}

var errAnswerTooLong = &api.Error{Code: api.Internal, Message: "the daemon's answer is too long"}

func (lc *lineConn) exchange(request []byte) ([]byte, error) {
	// A daemon that refuses the connection answers without reading: its answer is worth more than our broken pipe.
	_, writeErr := lc.conn.Write(request)
	var answer []byte
	for {
		part, err := lc.in.ReadSlice('\n')
		answer = append(answer, part...)
		switch {
		case err == nil:
			return answer, nil
		case len(answer) > maxAnswer:
			return nil, errAnswerTooLong
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case writeErr != nil:
			return nil, writeErr
		case errors.Is(err, io.EOF):
			return nil, io.ErrUnexpectedEOF
		}
		return nil, err
	}
}

func parseToken(answer []byte) (api.Token, error) {
	var a struct {
		api.Token
		Error *api.Error `json:"error"`
	}
	switch err := json.Unmarshal(answer, &a); {
	case err != nil:
		return api.Token{}, malformed()
	case a.Error != nil:
		return api.Token{}, a.Error
	case a.AccessToken == "":
		return api.Token{}, malformed()
	}
	return a.Token, nil
}

func malformed() error {
	return &api.Error{
		Code: api.Internal, Message: "the daemon's answer makes no sense", Hint: "compare the versions of client and daemon",
	}
}
