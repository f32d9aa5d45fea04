package consent

import (
	"slices"

	"oauthd/ipc/api"
)

// Foreign returns why an answer must not be taken: it has to come from oauthd approve in a terminal that the program which
// asks has no part in. "" means that it may be taken. On a system that does not say where a process belongs, approve itself
// sees to that.
func Foreign(asker, answerer api.Evidence) string {
	switch {
	case answerer.Unknown, asker.Unknown && asker.Start == 0:
		return "the system does not say where it, or the question, came from"
	case answerer.Start == 0:
		return ""
	case answerer.Through == nil:
		return "it did not come from oauthd approve"
	case answerer.TTY == 0:
		return "it did not come from a terminal"
	case answerer.Session == asker.Session, answerer.TTY == asker.TTY:
		return "it came from the terminal of the program that asks"
	}
	own := []api.Process{asker.Process}
	if asker.Through != nil {
		own = append(own, *asker.Through)
	}
	if n := len(asker.Parents); n > 0 {
		own = append(own, asker.Parents[:n-1]...) // the last may be the terminal of both
	}
	for _, above := range append([]api.Process{answerer.Process}, answerer.Parents...) {
		if slices.ContainsFunc(own, func(p api.Process) bool { return p.PID == above.PID && p.Start == above.Start }) {
			return "it came from a terminal that the program which asks has started"
		}
	}
	return ""
}
