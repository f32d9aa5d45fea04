package main

import "testing"

func TestNearest(t *testing.T) {
	all := []string{"login", "logout", "token", "status", "stop", "min-ttl"}
	for word, want := range map[string]string{
		"tokne": "token", "Token": "token", "lgin": "login", "stat": "status", "min-tll": "min-ttl", "mintll": "min-ttl",
		"x": "", "frobnicate": "", "": "", "s": "",
	} {
		if got := nearest(word, all); got != want {
			t.Errorf("nearest(%q): got %q, want %q", word, got, want)
		}
	}
}
