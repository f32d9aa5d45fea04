package grant

import (
	"strings"
	"testing"
	"time"
)

func TestSeconds(t *testing.T) {
	for raw, want := range map[string]time.Duration{
		`{}`: 0, `{"n":null}`: 0, `{"n":""}`: 0, `{"n":0}`: 0, `{"n":-1}`: 0, `{"n":-1e999}`: 0, `{"n":1}`: time.Second, `{"n":" 1.5 "}`: 1500 * time.Millisecond,
		`{"n":1e999}`: maxLifetime, `{"n":1e30}`: maxLifetime, `{"n":315360000}`: maxLifetime, `{"n":315359999}`: maxLifetime - time.Second,
	} {
		if got, err := ParseMembers([]byte(raw)).Seconds("n"); got != want || err != nil {
			t.Errorf("%s: got %v, %v; want %v", raw, got, err, want)
		}
	}
	for _, raw := range []string{`{"n":"inf"}`, `{"n":"-inf"}`, `{"n":"NaN"}`, `{"n":"60s"}`, `{"n":true}`, `{"n":{}}`, `{"n":[1]}`} {
		if got, err := ParseMembers([]byte(raw)).Seconds("n"); got != 0 || err == nil {
			t.Errorf("%s: got %v, %v; want an error", raw, got, err)
		}
	}
}

func TestInstant(t *testing.T) {
	for raw, want := range map[string]int64{
		`{"n":1}`: 1, `{"n":1795348800.9}`: 1795348800, `{"n":253402300799}`: 253402300799,
	} {
		if got := ParseMembers([]byte(raw)).Instant("n"); got.Unix() != want {
			t.Errorf("%s: got %v, want %d", raw, got, want)
		}
	}
	for _, raw := range []string{`{}`, `{"n":null}`, `{"n":0}`, `{"n":-1}`, `{"n":253402300800}`, `{"n":1e300}`, `{"n":"1"}`, `{"n":[]}`} {
		if got := ParseMembers([]byte(raw)).Instant("n"); !got.IsZero() {
			t.Errorf("%s: got %v, want none", raw, got)
		}
	}
}

func TestEmail(t *testing.T) {
	long := strings.Repeat("a", 242) + "@example.com"
	for text, want := range map[string]bool{
		"ada@example.com": true, long: true, "a" + long: false, "ada": false, "": false, "ada@\x1bexample.com": false, "ad\u00e4@example.com": false,
	} {
		if got := Email(text); (got != "") != want || want && got != text {
			t.Errorf("%q: got %q, want it taken: %t", text, got, want)
		}
	}
}

func TestMembersOfNoObject(t *testing.T) {
	for _, data := range []string{``, `null`, `[]`, `"x"`, `7`, `{`} {
		m := ParseMembers([]byte(data))
		if m != nil || m.Text("x") != "" || !m.IsText("x") || m.Object("x") != nil || m.Email("x") != "" || !m.Instant("x").IsZero() {
			t.Errorf("%s: got members %v, want none", data, m)
		}
	}
}

func TestNotPrintable(t *testing.T) {
	for r, want := range map[rune]bool{0x1f: true, 0x20: false, 'a': false, 0x7e: false, 0x7f: true, 0xe4: true} {
		if got := notPrintable(r); got != want {
			t.Errorf("%q: got %t, want %t", r, got, want)
		}
	}
}
