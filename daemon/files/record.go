package files

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
	"oauthd/ipc/own"
	"oauthd/ipc/peer"
)

// maxRecord is more than the record of as many files as there may be has, in bytes.
const maxRecord = 64 << 20

// saved is an entry in the record.
type saved struct {
	Path    string          `json:"path"`
	Request api.FileRequest `json:"request"`
	Sums    []string        `json:"sums,omitempty"`
	// PID and Start name the process that the file lives as long as.
	PID   int    `json:"pid,omitempty"`
	Start string `json:"start,omitempty"`
	// Caller is who asked for the file, for whom its tokens are; nil if that is not known.
	Caller *account.Evidence `json:"caller,omitempty"`
}

// trySave is [Keeper.save] for what goes on without it.
func (k *Keeper) trySave() {
	if err := k.save(context.Background()); err != nil {
		account.LogError(k.cfg.Log.Warn(), err).Msg("the record of token files is not up to date")
	}
}

// save writes the record.
func (k *Keeper) save(ctx context.Context) error {
	select {
	case k.saving <- struct{}{}:
		defer func() { <-k.saving }()
	case <-ctx.Done():
		return ctx.Err()
	}
	all := []saved{}
	k.mu.Lock()
	for _, e := range k.all {
		if e.sums == nil {
			continue // it is being set up
		}
		s := saved{Path: e.path, Request: e.request, Sums: e.sums, PID: e.pid}
		if e.caller.PID != 0 {
			known := e.caller.Known()
			s.Caller = &known
		}
		if e.process != nil {
			s.Start = e.process.Start
		}
		all = append(all, s)
	}
	k.mu.Unlock()
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	dir, err := own.Make(k.cfg.Dir)
	if err != nil {
		return placeProblem(err)
	}
	defer dir.Close()
	if err := dir.Replace(k.cfg.Record, text); err != nil {
		return placeProblem(err)
	}
	return nil
}

// load returns the entries of the record. The file of a process that has ended is removed.
func (k *Keeper) load() (all []*entry) {
	dir, err := own.Open(k.cfg.Dir)
	if err != nil {
		return nil // the directory is made with the socket; no record can be in what is not there or not ours
	}
	defer dir.Close()
	text, err := dir.Read(k.cfg.Record, maxRecord)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			k.cfg.Log.Warn().Err(api.Foreign(err)).Msg("the record of token files cannot be read, so they are not maintained any more")
		}
		return nil
	}
	var list []saved
	if json.Unmarshal(text, &list) != nil || len(list) > maxFiles {
		k.cfg.Log.Warn().Msg("the record of token files is damaged, so they are not maintained any more")
		return nil
	}
	for _, s := range list {
		if e := k.restore(s); e != nil {
			all = append(all, e)
		}
	}
	return all
}

// restore returns the entry that was saved, or nil for one of a process that has ended.
func (k *Keeper) restore(s saved) *entry {
	if !filepath.IsAbs(s.Path) || s.Request.Form().Check() != nil || api.CheckAccountName(s.Request.Account) != nil {
		return nil
	}
	e := k.newEntry(s.Path, s.Request)
	e.sums, e.pid = s.Sums, s.PID
	if s.Caller != nil {
		known := *s.Caller
		e.caller = account.Caller{
			UID: known.UID, PID: known.PID, Executable: func() string { return known.Executable }, Evidence: func() account.Evidence { return known },
		}
	}
	if s.PID == 0 {
		return e
	}
	p, err := peer.OpenProcess(s.PID)
	if err == nil && p.Start == s.Start {
		e.process = p
		return e
	}
	if err == nil {
		p.Close()
	}
	e.end()
	if err := removeOurs(s.Path, s.Sums); err != nil {
		k.cfg.Log.Warn().Err(err).Str("file", s.Path).Msg("a token file stays")
	}
	return nil
}
