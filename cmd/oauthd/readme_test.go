package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// section returns a section of the README, by its title.
func section(t *testing.T, title string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(moduleRoot(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "\n## "+title+"\n")
	if !ok {
		t.Fatalf("README.md has no section %q", title)
	}
	found, _, _ := strings.Cut(rest, "\n## ")
	return found
}

// TestMapIsTrue checks that the files and folders that the README's map names exist, and that the map is short.
func TestMapIsTrue(t *testing.T) {
	text := section(t, "Working on oauthd")
	if n := strings.Count(text, "\n"); n > 60 {
		t.Errorf("the map has %d lines, want at most 60", n)
	}
	root := moduleRoot(t)
	bases := map[string]bool{}
	err := filepath.WalkDir(root, func(at string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			bases[entry.Name()] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`([A-Za-z0-9_./-]+(?:/[A-Za-z0-9_.-]+|\\.go|\\.md))`").FindAllStringSubmatch(text, -1)
	if len(named) < 20 {
		t.Fatalf("got %d names, want those of the map", len(named))
	}
	for _, found := range named {
		name := found[1]
		if strings.Contains(name, "NAME") || strings.Contains(name, "VERB") {
			name = filepath.Dir(name)
		}
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(name))); err != nil && !bases[name] {
			t.Errorf("README.md names %s, which does not exist", found[1])
		}
	}
}

// TestTopicsOfTheREADME checks that the README is short and that the topics it names exist.
func TestTopicsOfTheREADME(t *testing.T) {
	root := moduleRoot(t)
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > 9<<10 {
		t.Errorf("README.md has %d bytes, want 9 KB at most", len(text))
	}
	_, list, _ := strings.Cut(section(t, "Read on"), ":\n\n")
	names := strings.FieldsFunc(list, func(r rune) bool { return r < 'a' || r > 'z' })
	if len(names) < 10 {
		t.Fatalf("got the topics %q, want all of them", names)
	}
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(root, "cmd", "oauthd", "help", name+".md")); err != nil && name != "clients" {
			t.Errorf("README.md names the topic %s, which does not exist", name)
		}
	}
}

// TestReleaseIsInTheREADME checks that "What changed" has the version that --version prints.
func TestReleaseIsInTheREADME(t *testing.T) {
	if !strings.Contains(section(t, "What changed"), "**"+release+"**") {
		t.Errorf("README.md does not say what changed in %s", release)
	}
}
