package main

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

func TestNameOfAHelperIsAVerb(t *testing.T) {
	for _, test := range []struct{ argv, want []string }{
		{[]string{"/usr/bin/oauthd", "token", "work"}, []string{"token", "work"}},
		{[]string{"/usr/bin/git-credential-oauthd", "get"}, []string{"helper", "git", "get"}},
		{[]string{"git-credential-oauthd.exe", "get"}, []string{"helper", "git", "get"}},
		{[]string{"keyring", "get", "https://pkg.example.com/", "ada"}, []string{"helper", "keyring", "get", "https://pkg.example.com/", "ada"}},
		{[]string{"/run/user/1000/oauthd/x/az", "account", "show", "-o", "tsv"}, []string{"helper", "az", "--", "account", "show", "-o", "tsv"}},
		{nil, nil},
	} {
		if got := argumentsOf(test.argv); !slices.Equal(got, test.want) {
			t.Errorf("%q: got %q, want %q", test.argv, got, test.want)
		}
	}
}

// If the small program is beside oauthd, git's helper is a link to it.
func TestQuickProgram(t *testing.T) {
	dir := t.TempDir()
	oauthd := filepath.Join(dir, "oauthd")
	if got := quickProgram(oauthd); got != oauthd {
		t.Errorf("alone: got %s, want oauthd itself", got)
	}
	beside := filepath.Join(dir, "oauthd-helper")
	if err := os.WriteFile(beside, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	want := oauthd
	if runtime.GOOS == "linux" {
		want = beside
	}
	if got := quickProgram(oauthd); got != want {
		t.Errorf("beside the other: got %s, want %s", got, want)
	}
}
