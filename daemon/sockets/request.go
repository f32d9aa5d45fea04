package sockets

import (
	"context"
	"errors"
	"path"
	"slices"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/config"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// Add begins to serve the socket that r asks for, and has the account's file name it if the next daemon is to serve it too.
func (k *Keeper) Add(ctx context.Context, r api.SocketRequest) (api.Socket, error) {
	a, err := k.cfg.Book.Account(ctx, r.Account)
	if err != nil {
		return api.Socket{}, err
	}
	s := account.Socket{Name: r.Path, Account: a.Name, UID: k.cfg.UID, Exe: r.Exe, Max: r.Max}
	if r.UID != nil {
		s.UID = *r.UID
	}
	if r.Scopes != nil {
		s.Scopes = append([]string{}, account.Scopes(r.Scopes...)...)
	}
	s.Audiences = r.Audiences
	if err := check(s, r); err != nil {
		return api.Socket{}, err
	}
	end := time.Time{}
	if r.TTL > 0 {
		end = k.cfg.Now().Add(time.Duration(r.TTL) * time.Second)
	}
	served, err := k.serve(s, end, r.Keep && a.Managed)
	if err != nil {
		return api.Socket{}, err
	}
	k.cfg.Note(ctx, a.Name, "socket "+served.Path)
	if !r.Keep {
		return served, nil
	}
	served.File = a.File
	if !a.Managed {
		served.Add = config.SocketText(s)
		return served, nil
	}
	err = k.cfg.Book.Change(ctx, a.Name, func(now *account.Account) { now.Sockets = append(slices.Clone(now.Sockets), s) })
	if errors.Is(err, book.ErrNotManaged) { // a person has taken it over
		served.Add = config.SocketText(s)
		return served, nil
	}
	if err != nil {
		_, _ = k.stop(served.Path) // it is served by no daemon, then
		return api.Socket{}, err
	}
	return served, nil
}

// check returns what is wrong with a socket that is asked for.
func check(s account.Socket, r api.SocketRequest) error {
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

// End ends the socket at path, for the next daemon too.
func (k *Keeper) End(ctx context.Context, path string) (api.Socket, error) {
	s, err := k.stop(path)
	if err != nil {
		return s, err
	}
	k.cfg.Note(ctx, s.Account, "socket "+s.Path+" ended")
	if !s.Kept {
		return s, nil
	}
	err = k.cfg.Book.Change(ctx, s.Account, func(now *account.Account) {
		now.Sockets = slices.DeleteFunc(slices.Clone(now.Sockets), func(kept account.Socket) bool { return kept.Name == s.Path })
	})
	if errors.Is(err, book.ErrNotManaged) {
		return s, nil
	}
	return s, err
}
