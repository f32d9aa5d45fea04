package config

import (
	"time"

	"oauthd/ipc/api"
)

// Locking says when the daemon locks by itself.
type Locking struct {
	// OnScreenLock is true if it does so when the person's screen is locked, OnSuspend before the machine is suspended, and
	// OnSessionEnd when the person's last session ends.
	OnScreenLock, OnSuspend, OnSessionEnd bool
	// Idle is for how long no token is asked for before it does; 0 means never.
	Idle time.Duration
}

// OnSessions reports whether anything that happens to sessions or to the machine locks.
func (l Locking) OnSessions() bool { return l.OnScreenLock || l.OnSuspend || l.OnSessionEnd }

// lockKeys are the keys of [lock].
type lockKeys struct {
	OnScreenLock bool     `toml:"on_screen_lock"`
	OnSuspend    bool     `toml:"on_suspend"`
	OnSessionEnd bool     `toml:"on_session_end"`
	Idle         api.Span `toml:"idle"`
}

// takeLocking takes [lock].
func (c *Config) takeLocking(s *source, keys lockKeys) {
	if err := keys.Idle.Check(); err != nil {
		s.add(s.line("lock", "idle"), "idle %v", err)
	}
	c.Locking = Locking{keys.OnScreenLock, keys.OnSuspend, keys.OnSessionEnd, keys.Idle.Duration()}
}
