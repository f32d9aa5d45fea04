package api

import (
	"regexp"
	"strings"
	"testing"
)

func FuzzCheckAccountName(f *testing.F) {
	for _, s := range []string{"work", "ada@example.com", "", ".a", "a\n", "Work", "com1", "com1.x", "com", strings.Repeat("a", 64), "é"} {
		f.Add(s)
	}
	form := regexp.MustCompile(`^[a-z0-9][a-z0-9._@+-]{0,62}$`)
	device := regexp.MustCompile(`^(con|prn|aux|nul|(com|lpt)[1-9])(\.|$)`)
	f.Fuzz(func(t *testing.T, name string) {
		want := form.MatchString(name) && !device.MatchString(name)
		if err := CheckAccountName(name); (err == nil) != want {
			t.Errorf("%q: got %v, want ok %t", name, err, want)
		}
	})
}

func TestAccountNameIsQuotedAsText(t *testing.T) {
	for _, test := range []struct{ name, given, want string }{
		{"a terminal escape", "\x1b[31mX\n", `"[31mX" cannot be an account name`},
		{"a long one", strings.Repeat("é", 60_000), `"` + strings.Repeat("é", 200) + `…" cannot be an account name`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := CheckAccountName(test.given); got == nil || got.Error() != test.want {
				t.Errorf("got %v, want %s", got, test.want)
			}
		})
	}
}
