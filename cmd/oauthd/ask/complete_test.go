package ask

import (
	"os"
	"path/filepath"
	"testing"
)

func TestComplete(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	if err := os.MkdirAll(filepath.Join(home, "keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"client-a.json", "client-b.json", ".hidden", "keys/one.txt", "bad\u202e.json"} {
		if err := os.WriteFile(filepath.Join(home, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name string
		q    Question
		line string
		want string // "" if nothing is added
	}{
		{"a name", Question{Names: []string{"github", "google"}}, "gi", "github"},
		{"as far as it is clear", Question{Names: []string{"github", "github-app"}}, "g", "github"},
		{"not clear", Question{Names: []string{"github", "google"}}, "g", ""},
		{"no such name", Question{Names: []string{"github"}}, "x", ""},
		{"a choice", Question{Choices: []Choice{{"memory", "only in memory"}}}, "m", "memory"},
		{"a file", Question{Files: true}, home + "/cl", home + "/client-"},
		{"a directory", Question{Files: true}, home + "/k", home + "/keys/"},
		{"a file from home", Question{Files: true}, "~/keys/", "~/keys/one.txt"},
		{"a hidden file", Question{Files: true}, home + "/.h", home + "/.hidden"},
		{"a name that does not show", Question{Files: true}, home + "/bad", ""},
		{"no directory", Question{Files: true}, home + "/none/x", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, pos, ok := tt.q.complete(tt.line, len(tt.line), '\t')
			if ok != (tt.want != "") || ok && (got != tt.want || pos != len(tt.want)) {
				t.Errorf("got %q, at %d, %t, want %q", got, pos, ok, tt.want)
			}
		})
	}
	q := Question{Names: []string{"github"}}
	if _, _, ok := q.complete("gi", 1, '\t'); ok {
		t.Error("in the middle of a line, something is added")
	}
	if _, _, ok := q.complete("gi", 2, 'x'); ok {
		t.Error("another key than Tab adds something")
	}
	if got := fromHome("~/x"); got != home+"/x" {
		t.Errorf("got %q, want it in the home", got)
	}
}
