package main

import "testing"

func TestPlain(t *testing.T) {
	for _, test := range []struct{ name, message, want string }{
		{"a path", "/usr/bin/oauthd cannot be run", "/usr/bin/oauthd cannot be run"},
		{"terminal escapes and a line break", "/x\x1b[31m\nhint: y\x9b\x7f", "/x?[31m?hint: y??"},
		{"what does not show", "a\u200bb", "a???b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := plain(test.message); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
