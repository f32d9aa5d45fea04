package provider

import (
	"slices"
	"strings"
	"testing"
)

func TestNear(t *testing.T) {
	names := []string{"bitbucket", "github", "github-app", "gitlab", "google", "okta", "x"}
	for name, want := range map[string][]string{
		"gogle":                   {"google"},
		"Google":                  {"google"},
		"git":                     {"github", "github-app", "gitlab"},
		"githb":                   {"github", "gitlab"},
		"gitlabs":                 {"gitlab"},
		"gitlab.com":              {"gitlab"},
		"kota":                    {"okta"},
		"y":                       nil,
		"":                        nil,
		"fastmail":                nil,
		strings.Repeat("é", 9999): nil,
	} {
		if got := Near(name, names); !slices.Equal(got, want) {
			t.Errorf("%.20q: got %q, want %q", name, got, want)
		}
	}
	if got := Near("aa", []string{"a1", "a2", "a3", "a4", "a5", "a6"}); len(got) != 5 {
		t.Errorf("got %q, want five", got)
	}
}
