package audit

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/account"
	"oauthd/ipc/api"

	"github.com/rs/zerolog"
)

// clerk returns a Clerk that fetches the key of fingerprints by fetch, and what it has written, by line.
func clerk(t *testing.T, fetch func(context.Context) ([]byte, error)) (c *Clerk, written func() []account.AuditEvent) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	c = NewClerk(ClerkConfig{Dir: dir, On: func() bool { return true }, Key: fetch, Log: zerolog.Nop(), Now: time.Now})
	return c, func() (all []account.AuditEvent) {
		t.Helper()
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, File))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			var e account.AuditEvent
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			all = append(all, e)
		}
		return all
	}
}

func TestClerkWritesWhatCameOfARequest(t *testing.T) {
	c, written := clerk(t, nil)
	asker := account.Evidence{UID: 1000, Process: account.Process{PID: 7, Executable: "/usr/bin/git"}}
	ctx := account.WithCaller(t.Context(), account.Caller{UID: 1000, PID: 7, Evidence: func() account.Evidence { return asker }})
	use := Use{Account: "work", Scope: "mail", Rule: "work.toml", Line: 7, Token: "at-1", Granted: "mail openid"}
	refused := Use{Account: "work", Caller: asker, Refused: &api.Error{Code: api.PolicyDenied, Message: "no rule"}}
	if err := errors.Join(c.Token(ctx, use), c.Token(ctx, refused)); err != nil {
		t.Fatal(err)
	}
	c.Note(ctx, api.AuditLogin, "work", "", errors.New("a fault"))
	all := written()
	if len(all) != 3 {
		t.Fatalf("got %d lines, want 3", len(all))
	}
	if e := all[0]; e.Event != api.AuditToken || e.Outcome != "ok" || e.Rule != "work.toml:7" || e.Scope != "mail openid" ||
		len(e.Fingerprint) != 32 || e.Caller == nil || e.Caller.Executable != "/usr/bin/git" {
		t.Errorf("a token: got %+v", e)
	}
	if e := all[1]; e.Event != api.AuditDenied || e.Outcome != string(api.PolicyDenied) || e.Detail != "no rule" || e.Fingerprint != "" {
		t.Errorf("a refusal: got %+v", e)
	}
	if e := all[2]; e.Event != api.AuditLogin || e.Outcome != string(api.Internal) || e.Caller == nil {
		t.Errorf("a failed login: got %+v", e)
	}
}

// A store that does not answer holds up the first token alone, and for no longer than it may.
func TestFingerprintsWaitForNoStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		asked := 0
		c, written := clerk(t, func(context.Context) ([]byte, error) {
			asked++
			<-answer
			return []byte("0123456789abcdef0123456789abcdef"), nil
		})
		for n, want := range []time.Duration{keyPatience, 0, 0} {
			began := time.Now()
			if err := c.Token(t.Context(), Use{Account: "work", Token: "at-" + string(rune('a'+n))}); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took != want {
				t.Errorf("token %d: waited %v, want %v", n, took, want)
			}
		}
		if _, err := c.Read(t.Context(), account.AuditRequest{Token: "at-a"}); err != ErrNoFingerprint {
			t.Errorf("got %v, want %v", err, ErrNoFingerprint)
		}
		close(answer)
		synctest.Wait()
		if err := c.Token(t.Context(), Use{Account: "work", Token: "at-d"}); err != nil {
			t.Fatal(err)
		}
		c.Forget()
		if _, err := c.Read(t.Context(), account.AuditRequest{Token: "at-d"}); err != nil || asked != 2 {
			t.Errorf("after it was forgotten: got %v, asked %d times, want the key fetched again", err, asked)
		}
		for n, e := range written() {
			if got, want := e.Fingerprint != "", n == 3; got != want {
				t.Errorf("line %d: got a fingerprint %t, want %t", n, got, want)
			}
		}
	})
}

func TestClerkThatIsOff(t *testing.T) {
	c := NewClerk(ClerkConfig{Dir: t.TempDir(), On: func() bool { return false }, Log: zerolog.Nop(), Now: time.Now})
	if err := c.Token(t.Context(), Use{Account: "work", Token: "at"}); err != nil {
		t.Error(err)
	}
	if _, err := c.Read(t.Context(), account.AuditRequest{}); err != ErrOff {
		t.Errorf("got %v, want %v", err, ErrOff)
	}
}
