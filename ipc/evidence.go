package ipc

import (
	"errors"
	"sync"

	"oauthd/ipc/api"
	"oauthd/ipc/peer"
)

// evidence returns what looks up the evidence about a caller, in the words of the API, the first time. Rules are matched
// against it, so that its text stays as it is, and is filtered by whatever shows it.
func evidence(p peer.Peer) func() api.Evidence {
	return sync.OnceValue(func() api.Evidence {
		e := api.Evidence{UID: p.UID, Process: api.Process{PID: p.PID}}
		found, err := p.Evidence()
		if err != nil {
			e.Unknown = !errors.Is(err, peer.ErrUnsupported)
			return e
		}
		e.Unknown = found.Executable == ""
		e.Process = process(found.Identity)
		e.App, e.Unit = found.App, found.Unit
		e.Session, e.TTY = found.Session, found.TTY
		if found.Through.PID != 0 {
			through := process(found.Through)
			e.Through = &through
		}
		for _, parent := range found.Parents {
			e.Parents = append(e.Parents, process(parent))
		}
		if found.Start != 0 {
			origin := process(found.Origin())
			e.Origin = &origin
		}
		return e
	})
}

func process(p peer.Identity) api.Process {
	return api.Process{PID: p.PID, Executable: p.Executable, Start: p.Start}
}
