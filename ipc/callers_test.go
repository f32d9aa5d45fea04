package ipc

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

func TestCallersAreShownByStatus(t *testing.T) {
	r := start(t, &fake{}, nil)
	c := dial(t, r.path)
	lines := bufio.NewReader(c)
	for _, name := range []string{"work", "work", "home"} {
		send(t, c, fmt.Sprintf(`{"account":%q}`+"\n", name))
		readLine(t, lines)
	}
	exchange(t, r.path, "GET /v1/token?account=web HTTP/1.1\r\nHost: oauthd\r\n\r\n")
	_, body := exchange(t, r.path, "GET /v1/status HTTP/1.1\r\nHost: oauthd\r\n\r\n")
	var status api.Status
	if err := json.Unmarshal([]byte(body), &status); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, caller := range status.Callers {
		got = append(got, caller.Account)
		if caller.PID != os.Getpid() || caller.Executable == "" || time.Since(caller.At) > time.Minute {
			t.Errorf("got %+v, want this process, now", caller)
		}
	}
	if want := "[web home work]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRefusedCallerIsNotShown(t *testing.T) {
	r := start(t, &fake{}, nil)
	c := dial(t, r.path)
	send(t, c, `{"account":"NO SUCH"}`+"\n")
	readLine(t, bufio.NewReader(c))
	_, body := exchange(t, r.path, "GET /v1/status HTTP/1.1\r\nHost: oauthd\r\n\r\n")
	var status api.Status
	if err := json.Unmarshal([]byte(body), &status); err != nil {
		t.Fatal(err)
	}
	if len(status.Callers) != 0 {
		t.Errorf("got %+v, want none", status.Callers)
	}
}

func TestOldestCallerIsForgotten(t *testing.T) {
	var c callers
	for i := range maxCallers + 1 {
		c.note(account.Caller{PID: i}, "work", time.Now())
	}
	c.note(account.Caller{PID: 5}, "work", time.Now())
	got := c.list()
	if len(got) != maxCallers || got[0].PID != 5 || got[len(got)-1].PID != 1 {
		t.Errorf("got %d callers from %d to %d, want %d from 5 to 1", len(got), got[0].PID, got[len(got)-1].PID, maxCallers)
	}
}

// A caller that asks again is the newest, wherever it was, and is there once. A connection that goes on asking for the
// same account is not noted anew.
func TestCallerThatAsksAgain(t *testing.T) {
	var c callers
	for _, pid := range []int{1, 2, 1} {
		c.note(account.Caller{PID: pid}, "work", time.Now())
	}
	if got := c.list(); len(got) != 2 || got[0].PID != 1 || got[1].PID != 2 {
		t.Errorf("got %+v, want 1 and then 2", got)
	}

	sv := &serving{Server: New(Config{})}
	first, second := &conn{caller: account.Caller{PID: 1}}, &conn{caller: account.Caller{PID: 2}}
	for _, c := range []*conn{first, second, first, nil} {
		sv.asksFor(c, "work")
	}
	if got := sv.callers.list(); len(got) != 2 || got[0].PID != 2 {
		t.Errorf("got %+v, want the one that asked for it last", got)
	}
	sv.asksFor(first, "home")
	sv.asksFor(first, "work")
	if got := sv.callers.list(); len(got) != 3 || got[0].PID != 1 || got[0].Account != "work" || got[1].Account != "home" {
		t.Errorf("got %+v, want both accounts of the first, work last", got)
	}
}
