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
