package daemon

import (
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

func TestLocksWhatTheConfigurationNames(t *testing.T) {
	const all = "on_screen_lock = true\non_suspend = true\non_session_end = true\n"
	for _, tt := range []struct {
		name, lock string
		happen     func(d *Daemon)
		want       bool
	}{
		{"the screen is locked", "on_screen_lock = true\n", (*Daemon).ScreenLocked, true},
		{"a suspend", "on_suspend = true\n", (*Daemon).Suspending, true},
		{"the last session ends", "on_session_end = true\n", (*Daemon).SessionsEnded, true},
		{"the screen is locked, and that is not named", "on_suspend = true\non_session_end = true\n", (*Daemon).ScreenLocked, false},
		{"a suspend, and that is not named", "on_screen_lock = true\non_session_end = true\n", (*Daemon).Suspending, false},
		{"the last session ends, and that is not named", "on_screen_lock = true\non_suspend = true\n", (*Daemon).SessionsEnded, false},
		{"a resume", all, (*Daemon).Resumed, false},
		{"a day without a request", all, func(*Daemon) { time.Sleep(24 * time.Hour) }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, oauthtest.Config{})
				r.write("config.toml", "[lock]\n"+tt.lock)
				r.account("work")
				store := r.startDoored()
				r.unlock("hunter2")
				r.token()
				tt.happen(r.d)
				synctest.Wait()
				if store.Closed() != tt.want {
					t.Errorf("got the store closed %t, want %t", store.Closed(), tt.want)
				}
				if tt.want {
					r.refused(api.Locked)
					r.unlock("hunter2")
				}
				r.token()
			})
		})
	}
}

func TestLocksWhenIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oauthtest.Config{})
		r.write("config.toml", "[lock]\nidle = \"30m\"\n")
		r.account("work")
		store := r.startDoored()
		time.Sleep(time.Hour)
		r.unlock("hunter2") // begins it anew
		for range 4 {
			time.Sleep(29 * time.Minute)
			r.token()
		}
		time.Sleep(30*time.Minute - time.Second)
		if store.Closed() {
			t.Error("locked too early")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if !store.Closed() {
			t.Error("not locked after 30 minutes")
		}
		r.refused(api.Locked)

		r.unlock("hunter2")
		r.jump(-5 * time.Hour) // a clock that was set back puts it off by no more than the time itself
		time.Sleep(32 * time.Minute)
		if !store.Closed() {
			t.Error("not locked after the clock was set back")
		}

		r.unlock("hunter2")
		r.jump(31 * time.Minute) // as a suspend does
		r.d.Resumed()
		synctest.Wait()
		if !store.Closed() {
			t.Error("not locked after the machine slept")
		}

		r.write("config.toml", "")
		r.unlock("hunter2")
		if _, err := r.d.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if store.Closed() {
			t.Error("locked, although the configuration has no time any more")
		}
		r.write("config.toml", "[lock]\nidle = \"1m\"\n")
		r.token()
		if _, err := r.d.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if !store.Closed() {
			t.Error("not locked, although the configuration has a time again")
		}
	})
}
