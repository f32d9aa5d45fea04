package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// clumsy are phrases that read as if translated, and what a native writer says instead. They are looked for in every
// text that a person reads: comments, messages, help, scripts and documents.
var clumsy = []struct {
	// word is in every line that the pattern finds: looking for it is much quicker.
	word    string
	pattern *regexp.Regexp
	instead string
	// unless is a word that makes it right; "" for none.
	unless string
}{
	{" of", regexp.MustCompile(`\b(is|are|was) of\b`), "belongs to, has, comes from", ""},
	{"ells", regexp.MustCompile(`\b[Tt]ells\b`), "shows, prints, reports, says", "apart"},
	{"Who ", regexp.MustCompile(`(^|[.;:] |// |# )Who [a-z]+s\b`), "Anyone who, A caller that", ""},
	{" where ", regexp.MustCompile(`("" |\bunset |\bzero |\bnil |\b0 |\btrue |\bfalse )where `), "if", ""},
	{"Where ", regexp.MustCompile(`(^|[.] |// |# )Where [a-z]`), "If", ""},
	{"hand", regexp.MustCompile(`\bhand(s|ed)? up\b`), "submit", ""},
	{"for ever", regexp.MustCompile(`\bfor ever\b`), "forever", ""},
	{" rest", regexp.MustCompile(`\bcredentials? rests?\b`), "is stored", ""},
	{"kept here", regexp.MustCompile(`\bkept here\b`), "is stored", ""},
	{"unknown hand", regexp.MustCompile(`\bby an unknown hand\b`), "by unknown", ""},
	{"forevery", regexp.MustCompile(`\bforevery`), "for every", ""},
}

// idioms are right although they look clumsy.
var idioms = regexp.MustCompile(`\b(is|are|was) of (no )?use\b|\bof course\b`)

// clumsyPhrases returns what a line says that should be said otherwise.
func clumsyPhrases(line string) (found []string) {
	for _, c := range clumsy {
		if !strings.Contains(line, c.word) || c.unless != "" && strings.Contains(line, c.unless) {
			continue
		}
		if phrase := c.pattern.FindString(idioms.ReplaceAllString(line, "")); phrase != "" {
			found = append(found, strings.TrimSpace(phrase)+" (say: "+c.instead+")")
		}
	}
	return found
}

func TestPlainEnglish(t *testing.T) {
	root := moduleRoot(t)
	read := 0
	err := filepath.WalkDir(root, func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if at != root && (entry.Name() == ".git" || entry.Name() == "golden" || entry.Name() == "fuzz") {
				return filepath.SkipDir
			}
			return nil
		}
		if !slices.Contains([]string{".go", ".md", ".txt", ".toml", ".txtar"}, filepath.Ext(at)) || entry.Name() == "english_test.go" {
			return nil
		}
		text, err := os.ReadFile(at)
		if err != nil {
			return err
		}
		read++
		n := 0
		for line := range strings.Lines(string(text)) {
			n++
			for _, found := range clumsyPhrases(strings.TrimRight(line, "\n")) {
				relative, _ := filepath.Rel(root, at)
				t.Errorf("%s:%d: %s", relative, n, found)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if read < 400 {
		t.Errorf("got %d files, want the whole module", read)
	}
	for _, planted := range []string{
		"// The token is of another account.", "status tells the state", "# Who closes it gives up.", `// x is "" where there is none.`,
		"// Where it fails nothing is stored.", "hand up the result", "for ever", "the credential rests there", "by an unknown hand",
	} {
		if clumsyPhrases(planted) == nil {
			t.Errorf("%q: got no complaint, want one", planted)
		}
	}
}
