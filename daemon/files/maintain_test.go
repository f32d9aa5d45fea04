package files_test

import (
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/ipc/api"
)

func seconds(n int64) *int64 { return &n }

// TestNoFileHoldsATokenThatHasEnded reads a file every second for as long as many tokens live.
func TestNoFileHoldsATokenThatHasEnded(t *testing.T) {
	for _, tt := range []struct {
		name     string
		lifetime time.Duration
		minTTL   *int64
		least    time.Duration // that a token in the file still lives
		most     int           // tokens
	}{
		{"an hour", time.Hour, nil, 50 * time.Second, 10},
		{"an hour, of which half is wanted", time.Hour, seconds(1800), 29 * time.Minute, 20},
		{"two minutes", 2 * time.Minute, nil, 20 * time.Second, 140},
		{"ten seconds", 10 * time.Second, nil, time.Second, 2000},
		{"less than is wanted", time.Hour, seconds(7200), 29 * time.Minute, 21},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.mustAdd("token", func(q *api.FileRequest) { q.MinTTL = tt.minTTL })
				r.mu.Lock()
				r.lifetime = tt.lifetime
				r.mintLocked()
				r.mu.Unlock()
				r.k.Changed("work")
				began := time.Now()
				for time.Since(began) < 3*time.Hour {
					time.Sleep(time.Second)
					synctest.Wait()
					token := r.latest()
					r.want("token", token.AccessToken)
					if left := time.Until(*token.ExpiresAt); left < tt.least {
						t.Fatalf("after %v the file's token lives for %v, want %v at least", time.Since(began), left, tt.least)
					}
				}
				r.stop()
				if r.minted > tt.most {
					t.Errorf("got %d tokens, want %d at most", r.minted, tt.most)
				}
			})
		})
	}
}

func TestATokenWithoutEndIsAskedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.lifetime = 0
		if f := r.mustAdd("token", nil); f.ExpiresAt != nil {
			t.Errorf("got the end %v, want none", f.ExpiresAt)
		}
		time.Sleep(1000 * time.Hour)
		synctest.Wait()
		if r.requests() != 1 {
			t.Errorf("asked %d times, want once", r.requests())
		}
		r.stop()
	})
}

// TestTroubleLeavesTheFile has the provider away for a while: what is in the file may still be good.
func TestTroubleLeavesTheFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.mustAdd("token", nil)
		r.fail(&api.Error{Code: api.ProviderUnreachable, Message: "away", Hint: "try later"})
		time.Sleep(59*time.Minute + 30*time.Second)
		synctest.Wait()
		r.want("token", "at-0000000001")
		if e := r.listed("token").LastError; e == nil || e.Code != api.ProviderUnreachable {
			t.Errorf("the listing shows %v, want why the token is old", e)
		}
		r.fail(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		r.want("token", "at-0000000002")
		if e := r.listed("token").LastError; e != nil {
			t.Errorf("the listing shows %v, want nothing wrong", e)
		}
		r.stop()
	})
}

// TestWhatIsRefusedIsNotInTheFile has the account end in every way that ends it.
func TestWhatIsRefusedIsNotInTheFile(t *testing.T) {
	for _, code := range []api.Code{api.LoginRequired, api.Locked, api.UnknownAccount, api.PolicyDenied, api.ScopeNotGranted, api.SubjectMismatch} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			r.mustAdd("token", nil)
			r.fail(&api.Error{Code: code, Message: "no", Hint: "none"})
			r.k.Changed("work")
			synctest.Wait()
			r.want("token", "")
			if f := r.listed("token"); f.LastError == nil || f.LastError.Code != code || f.WrittenAt != nil || f.ExpiresAt != nil {
				t.Errorf("%s: got %+v, want the reason and no file", code, f)
			}
			asked := r.requests()
			time.Sleep(24 * time.Hour) // nobody asks again before something changes
			if r.requests() != asked {
				t.Errorf("%s: asked %d times more, want none", code, r.requests()-asked)
			}
			r.fail(nil)
			r.k.Changed("work")
			synctest.Wait()
			if got := read(t, r.path("token")); got == "" {
				t.Errorf("%s: the file did not come back", code)
			}
			r.stop()
		})
	}
}

// TestATokenThatIsOnItsWayComesTooLate locks while the provider takes its time.
func TestATokenThatIsOnItsWayComesTooLate(t *testing.T) {
	r := newRig(t)
	r.mustAdd("token", nil)
	r.mu.Lock()
	hold := make(chan struct{})
	r.hold = hold
	r.mintLocked()
	asked := r.asked
	r.mu.Unlock()
	r.k.Changed("work")
	until(t, "asked", func() bool { return r.requests() > asked })
	locked := &api.Error{Code: api.Locked, Message: "locked", Hint: "unlock"}
	r.k.Withdraw(t.Context(), "", locked)
	r.want("token", "")
	if e := r.listed("token").LastError; !errors.Is(e, locked) {
		t.Errorf("the listing shows %v, want the lock at once", e)
	}
	asked = r.requests()
	r.mu.Lock()
	r.hold = nil
	second := make(chan struct{})
	r.hold = second
	r.mu.Unlock()
	close(hold) // the first answer has a token
	until(t, "asked again", func() bool { return r.requests() > asked })
	r.want("token", "")
	r.fail(locked)
	close(second)
	until(t, "still locked", func() bool { return errors.Is(r.listed("token").LastError, locked) })
	r.want("token", "")
}

func TestFilesOfOthersStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.mustAdd("token", nil)
		if err := os.WriteFile(r.path("token"), []byte("a person's"), 0o600); err != nil {
			t.Fatal(err)
		}
		r.mint()
		synctest.Wait()
		r.want("token", "a person's")
		if e := r.listed("token").LastError; e == nil || e.Hint == "" {
			t.Errorf("the listing shows %v, want that the file was changed", e)
		}
		r.k.Withdraw(t.Context(), "work", errors.New("logged out"))
		r.want("token", "a person's")
		f, err := r.k.End(t.Context(), r.path("token"))
		if err != nil || f.LastError == nil {
			t.Errorf("got %+v, %v, want it ended and that the file stays", f, err)
		}
		r.want("token", "a person's")
		r.stop()
		r.want("token", "a person's")
	})
}

// TestAFileThatWasRemovedComesBack stands for what cleans up temporary directories.
func TestAFileThatWasRemovedComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.mustAdd("token", nil)
		if err := os.Remove(r.path("token")); err != nil {
			t.Fatal(err)
		}
		r.k.Changed("work")
		synctest.Wait()
		r.want("token", "at-0000000001")
		r.stop()
		r.nothingLeft()
	})
}

func TestTheIDTokenEndsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		end, sooner := time.Now().Add(time.Hour), time.Now().Add(10*time.Minute)
		r.token = api.Token{AccessToken: "at", TokenType: "Bearer", ExpiresAt: &end, IDToken: "id", IDTokenExpiresAt: &sooner}
		f := r.mustAdd("token", func(q *api.FileRequest) { q.IDToken = true })
		r.want("token", "id")
		if f.ExpiresAt == nil || !f.ExpiresAt.Equal(sooner) {
			t.Errorf("got the end %v, want that of the ID token, %v", f.ExpiresAt, sooner)
		}
		asked := r.requests()
		time.Sleep(9*time.Minute + 10*time.Second)
		synctest.Wait()
		if r.requests() == asked {
			t.Error("nobody asked for another ID token")
		}
		r.stop()
	})
}
