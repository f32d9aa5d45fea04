package config

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestLocking(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       Locking
		mistake    string
	}{
		{"nothing", "", Locking{}, ""},
		{"all", "[lock]\non_screen_lock = true\non_suspend = true\non_session_end = true\nidle = \"30m\"\n",
			Locking{true, true, true, 30 * time.Minute}, ""},
		{"days", "[lock]\nidle = \"2d\"\n", Locking{Idle: 48 * time.Hour}, ""},
		{"no duration", "[lock]\non_suspend = true\nidle = \"soon\"\n", Locking{OnSuspend: true}, `:3: idle must be a duration such as "90d" or "12h"`},
		{"a number", "[lock]\nidle = 30\n", Locking{}, `:2: lock.idle: a TOML integer, but it must be a duration such as "90d"`},
		{"no truth", "[lock]\non_suspend = \"yes\"\n", Locking{}, ":2: lock.on_suspend: a TOML string, but it must be true or false"},
		{"an unknown key", "[lock]\non_screensaver = true\n", Locking{}, ":2: unknown key \"lock.on_screensaver\""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(MainFile(dir), []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := Load(dir)
			if c.Locking != tt.want {
				t.Errorf("got %+v, want %+v", c.Locking, tt.want)
			}
			if tt.mistake == "" && err != nil || tt.mistake != "" && (err == nil || !strings.Contains(err.Error(), MainFile(dir)+tt.mistake)) {
				t.Errorf("got %v, want %q", err, tt.mistake)
			}
		})
	}
}
