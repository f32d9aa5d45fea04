package ipc

import (
	"context"
	"errors"
	"io"
	"time"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

// maxSpoken is how many connections of another program's protocol may be open at once.
const maxSpoken = 128

// Asked is what another program's protocol may ask. It is what callers of our own protocol get too, and no more.
type Asked interface {
	Token(ctx context.Context, r api.TokenRequest) (api.Token, error)
	Account(ctx context.Context, name string) (api.Account, error)
	Accounts(ctx context.Context) ([]api.Account, error)
}

// Protocol is another program's protocol: it reads one request from c, asks, and writes the answer. The context carries the
// caller; what is asked has its own deadlines. Reads from c fail if the request does not come soon, and writes if the
// answer is not taken.
type Protocol func(ctx context.Context, c io.ReadWriter, ask Asked) error

// speak serves c in the protocol of sv. A deadline for reads from c must be set.
func (sv *serving) speak(c *conn, ask Asked) {
	err := func() (err error) {
		defer recovered(&err)
		return sv.protocol(account.WithCaller(sv.base, c.caller), spoken{c}, ask)
	}()
	if err != nil && !errors.Is(err, io.EOF) {
		sv.cfg.Log.Debug().Err(err).Int("pid", c.caller.PID).Msg("a client of another protocol got no answer")
	}
}

// spoken is a connection without what net/http needs.
type spoken struct{ c *conn }

func (s spoken) Read(p []byte) (int, error) { return s.c.Conn.Read(p) }

func (s spoken) Write(p []byte) (int, error) { return s.c.Write(p) }

// asked answers a connection of another protocol with the backend.
type asked struct {
	sv *serving
	c  *conn
}

// Token implements [Asked]. It is the one place where such callers get tokens.
func (a asked) Token(ctx context.Context, r api.TokenRequest) (api.Token, error) {
	a.sv.cfg.Requested()
	limited := withDeadline(ctx, time.Now(), a.sv.limits.request)
	defer limited.end()
	r.Interactive = false
	t, err := a.sv.token(limited, r)
	if err != nil {
		return api.Token{}, a.sv.report(ctx, "protocol", r.Account, err)
	}
	a.sv.asksFor(a.c, t.Account)
	return t, nil
}

// Account implements [Asked].
func (a asked) Account(ctx context.Context, name string) (api.Account, error) {
	limited := withDeadline(ctx, time.Now(), a.sv.limits.request)
	defer limited.end()
	return a.sv.cfg.Backend.Accounts.Account(limited, name)
}

// Accounts implements [Asked].
func (a asked) Accounts(ctx context.Context) ([]api.Account, error) {
	a.sv.cfg.Requested()
	limited := withDeadline(ctx, time.Now(), a.sv.limits.request)
	defer limited.end()
	return a.sv.cfg.Backend.Accounts.Accounts(limited)
}

// refused answers everything with one error.
type refused struct{ err *api.Error }

func (r refused) Token(context.Context, api.TokenRequest) (api.Token, error) {
	return api.Token{}, r.err
}

func (r refused) Account(context.Context, string) (api.Account, error) { return api.Account{}, r.err }

func (r refused) Accounts(context.Context) ([]api.Account, error) { return nil, r.err }
