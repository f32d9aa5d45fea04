package daemon

import (
	"context"
	"errors"
	"path"
	"slices"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/config"
	"oauthd/daemon/policy"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// Sockets lists the restricted sockets that are served.
func (d *Daemon) Sockets(context.Context) ([]api.Socket, error) { return d.sockets.List(), nil }

// AddSocket begins to serve a restricted socket.
func (d *Daemon) AddSocket(ctx context.Context, r api.SocketRequest) (api.Socket, error) {
	a, err := d.book.Account(ctx, r.Account)
	if err != nil {
		return api.Socket{}, err
	}
	s := account.Socket{Name: r.Path, Account: a.Name, UID: d.cfg.UID, Exe: r.Exe, Max: r.Max}
	if r.UID != nil {
		s.UID = *r.UID
	}
	if r.Scopes != nil {
		s.Scopes = append([]string{}, account.Scopes(r.Scopes...)...)
	}
	s.Audiences = r.Audiences
	if err := checkSocket(s, r); err != nil {
		return api.Socket{}, err
	}
	end := time.Time{}
	if r.TTL > 0 {
		end = d.now().Add(time.Duration(r.TTL) * time.Second)
	}
	served, err := d.sockets.Add(s, end, r.Keep && a.Managed)
	if err != nil {
		return api.Socket{}, err
	}
	d.note(ctx, api.AuditPolicy, a.Name, "socket "+served.Path, nil)
	if !r.Keep {
		return served, nil
	}
	served.File = a.File
	if !a.Managed {
		served.Add = config.SocketText(s)
		return served, nil
	}
	err = d.book.Change(ctx, a.Name, func(now *account.Account) { now.Sockets = append(slices.Clone(now.Sockets), s) })
	if errors.Is(err, book.ErrNotManaged) { // a person has taken it over
		served.Add = config.SocketText(s)
		return served, nil
	}
	if err != nil {
		_, _ = d.sockets.End(served.Path) // it is served by no daemon, then
		return api.Socket{}, err
	}
	return served, nil
}

// checkSocket returns what is wrong with a socket that is asked for.
func checkSocket(s account.Socket, r api.SocketRequest) error {
	for _, scope := range s.Scopes {
		if err := account.CheckScope(scope); err != nil {
			return words.BadSocket("scope: " + err.Error())
		}
	}
	for _, audience := range s.Audiences {
		if err := config.CheckAudience(audience); err != nil {
			return words.BadSocket("audience: " + err.Error())
		}
	}
	if _, err := path.Match(s.Exe, ""); err != nil {
		return words.BadSocket(api.Excerpt(s.Exe) + " is no pattern for a program")
	}
	const century = 100 * 365 * 24 * int64(time.Hour/time.Second)
	if r.TTL < 0 || r.TTL > century || r.Max < 0 || s.UID < 0 && r.UID != nil {
		return words.BadSocket("a time, a number of tokens and a user's number cannot be negative")
	}
	if r.Keep && (r.TTL > 0 || r.Max > 0) {
		return words.KeptSocketEnds()
	}
	return nil
}

// EndSocket ends a restricted socket, for the next daemon too.
func (d *Daemon) EndSocket(ctx context.Context, path string) (api.Socket, error) {
	s, err := d.sockets.End(path)
	if err != nil {
		return s, err
	}
	d.note(ctx, api.AuditPolicy, s.Account, "socket "+s.Path+" ended", nil)
	if !s.Kept {
		return s, nil
	}
	err = d.book.Change(ctx, s.Account, func(now *account.Account) {
		now.Sockets = slices.DeleteFunc(slices.Clone(now.Sockets), func(kept account.Socket) bool { return kept.Name == s.Path })
	})
	if errors.Is(err, book.ErrNotManaged) {
		return s, nil
	}
	return s, err
}

// settleSockets serves the sockets that the accounts' files name.
func (d *Daemon) settleSockets() {
	files := d.book.Config()
	d.sockets.Settle(files.Sockets(), func(name string) bool { return files.Accounts[name] != nil })
}

// fromSocket applies what a restricted socket limits to a request that came by it.
func (d *Daemon) fromSocket(a account.Account, ad *admission, s *account.Socket, wanted policy.Request) (policy.Request, error) {
	if a.Name != s.Account {
		return wanted, words.NoSocket(s.Name)
	}
	if s.Exe != "" && !policy.Glob(s.Exe, ad.caller.Executable) {
		return wanted, words.SocketExe(*s, ad.caller)
	}
	decision := policy.Within(s.Limits, wanted)
	if !decision.Allowed {
		return wanted, words.Refused(a, ad.caller, decision)
	}
	if err := d.sockets.Take(s.Name); err != nil {
		return wanted, err
	}
	ad.limits, ad.taken = append(ad.limits, s.Limits), s.Name
	return decision.Request, nil
}
