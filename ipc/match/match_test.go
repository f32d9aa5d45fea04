package match

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func pattern(t testing.TB, text string) Pattern {
	t.Helper()
	p, err := ParsePattern(text)
	if err != nil {
		t.Fatalf("pattern %q: %v", text, err)
	}
	return p
}

func TestPatternMatches(t *testing.T) {
	for _, test := range []struct {
		pattern, place string
		want           bool
	}{
		{"git.example.com", "https://git.example.com/ada/notes.git", true},
		{"git.example.com", "https://GIT.Example.com./x", true},
		{"git.example.com", "git.example.com", true},
		{"git.example.com", "git.example.com:443", true},
		{"git.example.com", "https://git.example.com:8443/", false},
		{"git.example.com", "https://evil-git.example.com/", false},
		{"git.example.com", "https://git.example.com.evil.example/", false},
		{"git.example.com", "https://a.git.example.com/", false},
		{"git.example.com:8443", "https://git.example.com:8443/", true},
		{"git.example.com:8443", "https://git.example.com/", false},
		{"https://git.example.com/", "https://git.example.com/x", true},
		{"Git.Example.com", "https://git.example.com/x", true},

		{"https://api.example.com/v1/", "https://api.example.com/v1", true},
		{"https://api.example.com/v1", "https://api.example.com/v1/users", true},
		{"api.example.com/v1", "https://api.example.com/v10/users", false},
		{"api.example.com/v1", "https://api.example.com/", false},
		{"api.example.com/v1", "https://api.example.com/v1/../v2", false},
		{"api.example.com/v1", "https://api.example.com/v1/%2e%2e/v2", false},
		{"api.example.com/v1", "https://api.example.com/v1%2f..%2fv2", false},
		{"api.example.com/v1", "https://api.example.com//v1/x", false},
		{"api.example.com/v1", `https://api.example.com/v1\..\v2`, false},
		{"api.example.com/v1", "https://api.example.com/v1/%252e%252e/v2", false},
		{"api.example.com", "https://api.example.com/v1/../v2", true}, // all of the host's

		{"*.pkg.example.com", "https://a.pkg.example.com/", true},
		{"*.pkg.example.com", "https://pkg.example.com/", false},
		{"*.pkg.example.com", "https://a.b.pkg.example.com/", false},
		{"*.pkg.example.com/x", "https://a.pkg.example.com/x/y", true},

		{"http://127.0.0.1:8080", "http://127.0.0.1:8080/x", true},
		{"http://localhost:8080", "http://localhost:8080/x", true},
		{"http://localhost:8080", "https://localhost:8080/x", false},
		{"localhost:8080", "http://localhost:8080/x", false},
		{"localhost:18443", "localhost:18443", true},
		{"[::1]:8443", "https://[::1]:8443/", true},
		{"[::ffff:127.0.0.1]", "https://127.0.0.1/", true},

		{"index.example.com", "sparse+https://index.example.com/", true},
	} {
		t.Run(test.pattern+" "+test.place, func(t *testing.T) {
			place, err := ParsePlace(test.place)
			if err != nil {
				t.Fatal(err)
			}
			if got := pattern(t, test.pattern).Matches(place); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
	if (Pattern{}).Matches(Place{}) {
		t.Error("the zero pattern matches")
	}
}

func TestPatternsThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "not a host name",
		"*":                               "",
		"*.com":                           "two labels",
		"*.*.example.com":                 "not a host",
		"a.*.example.com":                 "not a host",
		"*.127.0.0.1":                     "two labels",
		"ftp://example.com":               "begins with https://",
		"http://example.com":              "plain http",
		"https://ada@example.com":         "no user",
		"https://example.com/?a":          "no user, query",
		"https://example.com/#a":          "no user, query",
		"example.com:0":                   "port",
		"example.com:":                    "colon",
		"example.com:99999":               "",
		"example.com/a/../b":              "plain segments",
		"example.com/a//b":                "plain segments",
		"example.com/%2e":                 "",
		"exämple.com":                     "xn--",
		"-a.example.com":                  "not a host name",
		"0x7f.1":                          "not a host name",
		"127.1":                           "not a host name",
		"[fe80::1%25eth0]":                "zone",
		strings.Repeat("a", 64) + ".com":  "not a host name",
		"example..com":                    "not a host name",
		"exa mple.com":                    "",
		"https://https://api.example.com": "",
	} {
		if p, err := ParsePattern(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %+v, %v, want an error with %q", text, p, err, want)
		}
	}
}

func TestPlacesThatAreRefused(t *testing.T) {
	for _, text := range []string{
		"", "http://example.com/", "ftp://example.com/", "https://", "https:///x", "https://example.com:0/", "https://exam\nple.com/",
		"http://localhost.evil.example/", "http://127.0.0.1.evil.example/", "https://exämple.com/", "https://example.com:/",
		"https://127.1/", "javascript:alert(1)",
	} {
		if p, err := ParsePlace(text); err == nil {
			t.Errorf("%q: got %+v, want an error", text, p)
		}
	}
}

func TestFind(t *testing.T) {
	rules := []Rule{
		{"work", pattern(t, "git.example.com")},
		{"home", pattern(t, "git.example.com")},
		{"team", pattern(t, "git.example.com/team")},
		{"team", pattern(t, "git.example.com/team/notes")},
		{"wild", pattern(t, "*.example.com")},
		{"api", pattern(t, "api.example.com")},
		{"api", pattern(t, "api.example.com")},
	}
	people := map[string]string{"work": "ada@example.com", "home": "ada@home.example"}
	for _, test := range []struct {
		name, place, user, want, err string
	}{
		{"the longest path", "https://git.example.com/team/notes/x", "", "team", ""},
		{"a wildcard", "https://b.example.com/", "", "wild", ""},
		{"an exact host before a wildcard", "https://api.example.com/", "", "api", ""},
		{"two that are equal", "https://git.example.com/ada", "", "", "home and work answer for it equally well"},
		{"the account's name decides", "https://git.example.com/ada", "work", "work", ""},
		{"the person's name decides", "https://git.example.com/ada", "Ada@home.example", "home", ""},
		{"the name in the URL decides", "https://work@git.example.com/ada", "", "work", ""},
		{"the request's name before the URL's", "https://work@git.example.com/ada", "home", "home", ""},
		{"a name that means neither", "https://git.example.com/ada", "oauth2", "", "home and work answer for it equally well"},
		{"a name does not lead away", "https://git.example.com/team/x", "work", "team", ""},
		{"nobody", "https://example.org/", "", "", "no account answers for it"},
	} {
		t.Run(test.name, func(t *testing.T) {
			place, err := ParsePlace(test.place)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Find(rules, place, test.user, func(account string) []string { return []string{account, people[account]} })
			if got.Account != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("got %q, %v, want %q, %q", got.Account, err, test.want, test.err)
			}
			var ambiguous *Ambiguous
			if err != nil && !errors.Is(err, ErrNone) && !errors.As(err, &ambiguous) {
				t.Errorf("got %T", err)
			}
		})
	}
}

// Whatever matches has the pattern's host and port, as net/url reads the URL, and goes over https unless to this machine.
func FuzzMatches(f *testing.F) {
	f.Add("git.example.com/a", "https://git.example.com/a/b")
	f.Add("*.example.com:8443", "https://x.example.com:8443/")
	f.Add("http://localhost:1", "http://localhost:1")
	f.Fuzz(func(t *testing.T, text, address string) {
		p, err := ParsePattern(text)
		if err != nil {
			return
		}
		place, err := ParsePlace(address)
		if err != nil || !p.Matches(place) {
			return
		}
		if !strings.Contains(address, "://") {
			address = "https://" + address
		}
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
		if p.wildcard && !strings.HasSuffix(host, "."+p.host) || !p.wildcard && host != p.host && !isAddress(p.host) {
			t.Errorf("%q matches %q", text, address)
		}
		if port := u.Port(); port != "" && fmt.Sprint(p.port) != strings.TrimLeft(port, "0") {
			t.Errorf("%q matches %q with another port", text, address)
		}
		if strings.EqualFold(u.Scheme, "http") && !Loopback(p.host) {
			t.Errorf("%q matches %q over http", text, address)
		}
	})
}
