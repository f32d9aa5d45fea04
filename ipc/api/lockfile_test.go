package api_test

import (
	"strings"
	"testing"
	"unicode"

	"oauthd/ipc/api"
)

func TestParseLockFile(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       api.LockFile
		ok         bool
	}{
		{"a daemon's", `{"pid":12,"socket":"/run/user/1000/oauthd/oauthd.sock"}` + "\n", api.LockFile{PID: 12, Socket: "/run/user/1000/oauthd/oauthd.sock"}, true},
		{"a newer daemon's", `{"pid":12,"socket":"/s","since":"today"}`, api.LockFile{PID: 12, Socket: "/s"}, true},
		{"one that moves records", `{"pid":12,"socket":""}`, api.LockFile{PID: 12}, true},
		{"empty", "", api.LockFile{}, false},
		{"two documents", `{"pid":12,"socket":"/s"}{}`, api.LockFile{}, false},
		{"escapes", `{"pid":12,"socket":"/\u001b[31m"}`, api.LockFile{}, false},
		{"right to left", `{"pid":12,"socket":"/\u202e"}`, api.LockFile{}, false},
		{"zero width", `{"pid":12,"socket":"/\u200b"}`, api.LockFile{}, false},
		{"a line break", `{"pid":12,"socket":"/s\nhint: kill 1"}`, api.LockFile{}, false},
		{"relative", `{"pid":12,"socket":"s"}`, api.LockFile{}, false},
		{"no pid", `{"socket":"/s"}`, api.LockFile{}, false},
		{"every process", `{"pid":-1,"socket":"/s"}`, api.LockFile{}, false},
		{"a pid that overflows", `{"pid":4294967297,"socket":"/s"}`, api.LockFile{}, false},
		{"a text for a pid", `{"pid":"12","socket":"/s"}`, api.LockFile{}, false},
		{"long", `{"pid":12,"socket":"/` + strings.Repeat("x", api.MaxLockFile) + `"}`, api.LockFile{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := api.ParseLockFile([]byte(tt.text))
			if got != tt.want || (err == nil) != tt.ok {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

func FuzzParseLockFile(f *testing.F) {
	f.Add([]byte(`{"pid":12,"socket":"/s"}`))
	f.Add([]byte(`{"pid":1e0,"Socket":"/\ud800"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := api.ParseLockFile(text)
		shown := got.Socket
		if err != nil {
			shown = err.Error()
		}
		if strings.ContainsFunc(shown, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("got %q, want only what can be printed", shown)
		}
		if err == nil && got.PID <= 0 {
			t.Errorf("got pid %d", got.PID)
		}
	})
}
