package config

import (
	"reflect"
	"strings"
	"testing"

	"oauthd/daemon/account"
)

// Whatever stands in an account's file: its rules are taken in the order in which they stand, each at its line, and what the
// daemon writes of them is read again as the same rules.
func FuzzRules(f *testing.F) {
	for _, seed := range []string{
		"[[allow]]\nexe = \"/usr/bin/git\"\n[[deny]]\n", "[[deny]]\nuid = 7\n[[allow]]\nscopes = [\"a\"]\nrate = \"1/m\"\n", "confirm = \"first\"\n",
		"allow = [{exe = \"/x\"}]\n", "[allow]\n", "[[allow.x]]\n", "# [[allow]]\n[[ deny ]] # x\n", "x = '''\n[[allow]]\n'''\n", "[[allow]]\nmax_ttl = \"x\"\n",
		"[[socket]]\npath = \"/x\"\n[[socket]]\npath = \"y\"\n", "[[allow]", "\xff",
		"[[allow]]\nscopes = []\n", "[[allow]]\naudiences = []\n", "[[socket]]\npath = \"/x\"\nscopes = []\naudiences = []\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := &source{file: "/accounts/work.toml", text: []byte("client_id = \"app\"\nprovider = \"google\"\n" + text)}
		var keys accountKeys
		if !s.decode(&keys) {
			return
		}
		a := keys.account(s, "work")
		if len(s.mistakes) > 0 {
			return
		}
		lines := strings.Split(string(s.text), "\n")
		for i, r := range a.Policy.Rules {
			if i > 0 && r.Line <= a.Policy.Rules[i-1].Line || r.Line < 1 || r.Line > len(lines) || !strings.Contains(lines[r.Line-1], "[") {
				t.Fatalf("rule %d is at line %d", i, r.Line)
			}
		}
		written, err := Encode(a)
		if err != nil {
			t.Fatal(err)
		}
		again := &source{file: s.file, text: written}
		var keysAgain accountKeys
		if !again.decode(&keysAgain) {
			t.Fatalf("%q cannot be read again: %v", written, again.mistakes)
		}
		b := keysAgain.account(again, "work")
		if !reflect.DeepEqual(withoutPlaces(a.Policy), withoutPlaces(b.Policy)) || !reflect.DeepEqual(a.Sockets, b.Sockets) {
			t.Fatalf("got %+v %+v back, want %+v %+v", b.Policy, b.Sockets, a.Policy, a.Sockets)
		}
	})
}

func withoutPlaces(p account.Policy) account.Policy {
	rules := make([]account.Rule, len(p.Rules))
	for i, r := range p.Rules {
		r.File, r.Line = "", 0
		rules[i] = r
	}
	p.Rules = rules
	return p
}
