package files

import (
	"testing"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

// Whoever asked for a file is who its tokens are for, after a restart too, and for the next one who asks for the same path.
func TestFileKeepsItsCaller(t *testing.T) {
	known := account.Evidence{UID: 1000, Process: account.Process{PID: 77, Executable: "/usr/bin/prometheus", Start: 5}}
	k := New(Config{})
	k.ctx = t.Context()
	e := k.restore(saved{Path: "/x/token", Request: api.FileRequest{Account: "work", Path: "/x/token"}, Caller: &known})
	if e == nil {
		t.Fatal("the entry was not restored")
	}
	if got := e.caller.Known(); got.PID != 77 || got.Executable != known.Executable || e.caller.Program() != known.Executable {
		t.Errorf("got the caller %+v, want %+v", got, known)
	}
	if c := k.chance(e); c.caller.PID != 77 {
		t.Errorf("its next token is for pid %d, want 77", c.caller.PID)
	}
	if e := k.restore(saved{Path: "/x/token", Request: api.FileRequest{Account: "work", Path: "/x/token"}}); e == nil || e.caller.PID != 0 {
		t.Errorf("a record of an older oauthd: got %+v, want no caller", e)
	}
}
