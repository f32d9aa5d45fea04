package main

import (
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
