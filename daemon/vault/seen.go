package vault

import "oauthd/daemon/account"

// stamp says how new a record is. The zero stamp means that nothing is known.
type stamp struct {
	loggedIn   int64 // seconds since 1970
	generation uint64
}

func stampOf(c account.Credential) stamp {
	return stamp{loggedIn: c.LoggedInAt.Unix(), generation: c.Generation}
}

// before reports whether s comes from an earlier login than t, or from the same one and was saved earlier.
func (s stamp) before(t stamp) bool {
	if t == (stamp{}) {
		return false
	}
	if s.loggedIn != t.loggedIn {
		return s.loggedIn < t.loggedIn
	}
	return s.generation < t.generation
}

// lastSeen returns the stamp of the newest record of name that was read or saved, and the number of changes so far.
func (v *Vault) lastSeen(name string) (last stamp, changes uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.seen[name], v.changes
}

// note records what was read of name, unless records have been changed since, by changes: it may have been read before.
func (v *Vault) note(name string, s stamp, changes uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.changes == changes {
		v.seen[name] = s
	}
}

// change runs do, which changes name's record to one with the stamp next, or deletes it if that is zero. If do
// succeeds, nothing of name is pending any more, and a shut gate may have waited for that. While it runs, nothing is
// known of name, because a reader may see the record as it was or as it will be.
func (v *Vault) change(name string, next stamp, do func() error) error {
	last := v.setSeen(name, stamp{})
	if err := do(); err != nil {
		v.setSeen(name, last)
		return err
	}
	v.setSeen(name, next)
	v.mu.Lock()
	delete(v.pending, name)
	delete(v.nameless, name)
	v.mu.Unlock()
	v.gate.closeIdle()
	return nil
}

// setSeen replaces what is known of name and returns what was known.
func (v *Vault) setSeen(name string, s stamp) (was stamp) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.changes++
	was = v.seen[name]
	if s == (stamp{}) {
		delete(v.seen, name)
	} else {
		v.seen[name] = s
	}
	return was
}

// Newer reports whether a and b are both credentials of name as the store holds them, and a comes from a later login
// than b, or from the same one and was saved later. It is false if that cannot be known.
func Newer(name string, a, b []byte) bool {
	newer, _, errA := decode(name, a)
	older, _, errB := decode(name, b)
	return errA == nil && errB == nil && stampOf(older).before(stampOf(newer))
}
