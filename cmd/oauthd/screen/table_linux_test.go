package screen

import (
	"strings"
	"testing"

	"oauthd/cmd/oauthd/screen/screentest"
)

func TestFactsAreWrapped(t *testing.T) {
	rows := [][]string{{"name", "work"}, {"scopes granted", strings.Repeat("https://api.example.com/scope ", 4)}}
	t.Setenv("NO_COLOR", "1")
	terminal := screentest.Open(t, 80, 24)
	if err := Facts(On(terminal.TTY), rows); err != nil {
		t.Fatal(err)
	}
	scope := "https://api.example.com/scope"
	want := "name            work\nscopes granted  " + scope + " " + scope + "\n                " + scope + " " + scope + "\n"
	if text := terminal.End(); text != want {
		t.Errorf("got %q, want %q", text, want)
	}
}
