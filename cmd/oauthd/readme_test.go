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
			if name == "ipc/dialect" {
				continue // the map says that there is none yet
			}
		}
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(name))); err != nil && !bases[name] {
			t.Errorf("README.md names %s, which does not exist", found[1])
		}
	}
}

// TestEveryVerbIsInTheREADME compares the table of verbs with the program's.
func TestEveryVerbIsInTheREADME(t *testing.T) {
	table := section(t, "Verbs")
	for _, v := range verbs() {
		if v.name == keychainChild || v.name == "clients" { // hidden, and a page of help
			continue
		}
		if !regexp.MustCompile("(?m)^\\|[^|]*`" + regexp.QuoteMeta(v.name) + "\\b").MatchString(table) {
			t.Errorf("README.md's table has no verb %q", v.name)
		}
	}
}

// TestReleaseIsInTheREADME checks that "What changed" has the version that --version prints.
func TestReleaseIsInTheREADME(t *testing.T) {
	if !strings.Contains(section(t, "What changed"), "**"+release+"**") {
		t.Errorf("README.md does not say what changed in %s", release)
	}
}
