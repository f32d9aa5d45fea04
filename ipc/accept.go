package ipc

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
	"oauthd/ipc/peer"
)

// accept starts a goroutine for each connection that may come in, until the server is to stop. A lack of descriptors or
// memory only delays it.
func (sv *serving) accept(l net.Listener) error {
	const firstPause, lastPause = 5 * time.Millisecond, time.Second
	pause := firstPause
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			pause = firstPause
		case sv.stop.Err() != nil:
			return nil
		case passing(err):
			sv.cfg.Log.Warn().Err(err).Msg("connection not accepted")
			select {
			case <-time.After(pause):
			case <-sv.stop.Done():
			}
			pause = min(2*pause, lastPause)
			continue
		default:
			return fmt.Errorf("ipc: accept: %w", err)
		}
		c := &conn{Conn: nc, writeTimeout: sv.limits.write, watchdog: sv.watchdog, arrivals: &sv.arrivals}
		if e := sv.enter(c); e != nil {
			sv.turnAway(c, e)
			continue
		}
		sv.watchdog.add(c)
		sv.work.Go(func() { sv.handle(c) })
	}
}

// passing reports whether an error of accept goes away without our doing.
func passing(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ECONNABORTED, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// handle recognises the protocol by the first byte, and serves it.
func (sv *serving) handle(c *conn) {
	if sv.protocol != nil {
		if sv.readBy(c, time.Now().Add(sv.limits.message)) {
			sv.speak(c, asked{sv, c})
		}
		sv.leave(c)
		return
	}

	buf := make([]byte, lineBuffer)
	n := 0
	if sv.readBy(c, time.Now().Add(sv.limits.firstByte)) {
		n, _ = c.Conn.Read(buf)
	}
	switch {
	case n == 0:
		sv.leave(c)
	case buf[0] == '{':
		sv.serveLines(c, &lineReader{conn: c, buf: buf, end: n})
		sv.leave(c)
	default:
		c.head, c.received = buf[:n], n
		sv.disown(c)
		select {
		case sv.handoff <- c:
		case <-sv.stop.Done():
			sv.leave(c)
		}
	}
}

// uid is the user whose programs are served.
func (sv *serving) uid() int {
	if sv.socket != nil {
		return sv.socket.UID
	}
	return sv.cfg.UID
}

// readBy sets c's read deadline. It returns false if the server is to stop: expireOwn may have come before the deadline
// was set.
func (sv *serving) readBy(c *conn, deadline time.Time) bool {
	_ = c.SetReadDeadline(deadline)
	return sv.stop.Err() == nil
}

// enter identifies the caller of c and takes c in, or returns the error to answer with. A connection that is refused takes no
// place: otherwise a program could fill all of them with connections that it may not have.
func (sv *serving) enter(c *conn) *api.Error {
	p, err := peer.Of(c.Conn)
	if err != nil || p.UID != sv.uid() {
		sv.cfg.Log.Warn().Err(err).Int("uid", p.UID).Int("pid", p.PID).Msg("connection of another user refused")
		return &api.Error{
			Code: api.Forbidden, Message: "this daemon serves another user", Hint: "start your own with oauthd serve",
		}
	}
	c.caller = account.Caller{UID: p.UID, PID: p.PID, Executable: p.Executable, Evidence: evidence(p), Socket: sv.socket}
	sv.mu.Lock()
	defer sv.mu.Unlock()
	switch {
	case sv.open >= sv.most:
		return tooMany("too many connections are open")
	case !sv.fairLocked(p.PID):
		return tooMany("this program has too many connections open")
	}
	sv.open++
	sv.own[c] = struct{}{}
	sv.of[p.PID]++
	return nil
}

func (sv *serving) disown(c *conn) {
	sv.mu.Lock()
	defer sv.mu.Unlock()
	delete(sv.own, c)
}

func (sv *serving) leave(c *conn) {
	_ = c.Close()
	sv.arrivals.release(c)
	sv.watchdog.remove(c)
	sv.mu.Lock()
	defer sv.mu.Unlock()
	delete(sv.own, c)
	sv.open--
	if sv.of[c.caller.PID]--; sv.of[c.caller.PID] == 0 {
		delete(sv.of, c.caller.PID)
	}
}

// minShare is how many connections every program may have, however many others there are.
const minShare = 16

// fairLocked reports whether the program with that pid may have one more connection: once half of those that there can be
// are open, none may have more than an eighth, so that what is left is for others.
func (sv *serving) fairLocked(pid int) bool {
	return sv.open < sv.most/2 || sv.of[pid] < max(sv.most/8, minShare)
}

func tooMany(message string) *api.Error {
	return &api.Error{Code: api.Busy, Message: message, Hint: "close some, or try again", RetryAfter: 1}
}

// turnAway answers a connection that may not come in with e.
func (sv *serving) turnAway(c *conn, e *api.Error) {
	select {
	case sv.refusals <- struct{}{}:
		sv.work.Go(func() {
			sv.refuse(c, sv.limits.refuse, e)
			_ = c.Close()
			<-sv.refusals
		})
	default:
		sv.refuse(c, 0, e)
		_ = c.Close()
	}
}

// refuse answers c with e, and waits that long for its request, or its first byte.
func (sv *serving) refuse(c *conn, wait time.Duration, e *api.Error) {
	switch {
	case sv.protocol == nil:
		c.refuse(wait, e)
	case wait > 0:
		_ = c.Conn.SetDeadline(time.Now().Add(wait))
		sv.speak(c, refused{e})
	}
}

// expireOwn ends the reads of all connections that wait for a line or for their first byte.
func (sv *serving) expireOwn() {
	sv.mu.Lock()
	defer sv.mu.Unlock()
	for c := range sv.own {
		_ = c.Conn.SetReadDeadline(longAgo())
	}
}
