package policy

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"oauthd/daemon/account"

	"pgregory.net/rapid"
)

func exe(path string) account.Evidence {
	return account.Evidence{UID: 1000, Process: account.Process{PID: 7, Executable: path}}
}

func allow(pattern string) account.Rule { return account.Rule{Exe: pattern} }
func deny(pattern string) account.Rule  { return account.Rule{Exe: pattern, Deny: true} }

func TestFirstMatchDecides(t *testing.T) {
	git, mail, shell := exe("/usr/bin/git"), exe("/opt/mail/bin/mail"), exe("/bin/sh")
	for _, test := range []struct {
		name   string
		rules  []account.Rule
		caller account.Evidence
		want   bool
		rule   int // the one that decides; -1 for none
		why    Reason
	}{
		{"no rules", nil, git, true, -1, ""},
		{"allowed", []account.Rule{allow("/usr/bin/git")}, git, true, 0, ""},
		{"not mentioned", []account.Rule{allow("/usr/bin/git")}, mail, false, -1, NoRule},
		{"only denials, another", []account.Rule{deny("/usr/bin/git")}, mail, true, -1, ""},
		{"only denials", []account.Rule{deny("/usr/bin/git")}, git, false, 0, Denied},
		{"denied before it is allowed", []account.Rule{deny("/usr/bin/*"), allow("/usr/bin/git")}, git, false, 0, Denied},
		{"allowed before it is denied", []account.Rule{allow("/usr/bin/git"), deny("/usr/bin/*")}, git, true, 0, ""},
		{"the second", []account.Rule{allow("/usr/bin/git"), allow("/opt/mail/**")}, mail, true, 1, ""},
		{"anyone", []account.Rule{deny("/bin/sh"), {}}, mail, true, 1, ""},
		{"anyone but", []account.Rule{deny("/bin/sh"), {}}, shell, false, 0, Denied},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := Decide(account.Policy{Rules: test.rules}, test.caller, Request{})
			if d.Allowed != test.want || d.Why != test.why {
				t.Errorf("got %t, %q, want %t, %q", d.Allowed, d.Why, test.want, test.why)
			}
			if test.rule < 0 && d.Rule != nil || test.rule >= 0 && d.Rule != &test.rules[test.rule] {
				t.Errorf("got rule %+v, want number %d", d.Rule, test.rule)
			}
		})
	}
}

func TestMatches(t *testing.T) {
	uid, other := 1000, 1001
	caller := exe("/usr/bin/git")
	caller.App, caller.Unit, caller.Socket = "flatpak:org.example.Mail", "app-x.scope", "/run/s"
	caller.Origin = &account.Process{Executable: "/usr/bin/foot"}
	for _, test := range []struct {
		rule account.Rule
		want bool
	}{
		{account.Rule{}, true},
		{account.Rule{App: "flatpak:org.example.*"}, true},
		{account.Rule{App: "snap:*"}, false},
		{account.Rule{Unit: "app-*.scope"}, true},
		{account.Rule{Unit: "cron.service"}, false},
		{account.Rule{Origin: "/usr/bin/foot"}, true},
		{account.Rule{Origin: "/usr/bin/xterm"}, false},
		{account.Rule{Socket: "/run/s"}, true},
		{account.Rule{Socket: "/run/t"}, false},
		{account.Rule{UID: &uid}, true},
		{account.Rule{UID: &other}, false},
		{account.Rule{UID: &uid, Exe: "/usr/bin/git", App: "flatpak:*"}, true},
		{account.Rule{UID: &uid, Exe: "/usr/bin/gitk"}, false},
	} {
		if got := Matches(test.rule, caller); got != test.want {
			t.Errorf("%+v: got %t, want %t", test.rule, got, test.want)
		}
	}
	for _, rule := range []account.Rule{{App: "*"}, {Unit: "*"}, {Origin: "*"}, {Socket: "*"}, {Exe: "*"}, {Exe: "/**"}} {
		if Matches(rule, account.Evidence{UID: 1000}) {
			t.Errorf("%+v matches a caller of whom nothing is known", rule)
		}
	}
}

func TestGlob(t *testing.T) {
	for _, test := range []struct {
		pattern, value string
		want           bool
	}{
		{"/usr/bin/git", "/usr/bin/git", true},
		{"/usr/bin/git", "/usr/bin/gitk", false},
		{"/usr/*/git", "/usr/bin/git", true},
		{"/usr/*", "/usr/bin/git", false},
		{"/usr/**", "/usr/bin/git", true},
		{"/usr/**", "/usr", false},
		{"/usr/**", "/usr/", false},
		{"/usr/**", "/usrx/bin", false},
		{"/home/*/go/**", "/home/ada/go/bin/x", true},
		{"/home/*/go/**", "/home/ada/gone/bin/x", false},
		{"/**", "/x", true},
		{"*", "/x", false},
		{"[", "[", false},
	} {
		if got := Glob(test.pattern, test.value); got != test.want {
			t.Errorf("%s for %s: got %t, want %t", test.pattern, test.value, got, test.want)
		}
	}
}

func TestWithin(t *testing.T) {
	for _, test := range []struct {
		name    string
		limits  account.Limits
		request Request
		want    Request
		why     Reason
		beyond  []string
	}{
		{name: "no limits", request: Request{Scopes: []string{"a"}, Audience: "x"}, want: Request{Scopes: []string{"a"}, Audience: "x"}},
		{name: "the ceiling in place of nothing", limits: account.Limits{Scopes: []string{"a", "b"}}, want: Request{Scopes: []string{"a", "b"}}},
		{name: "less", limits: account.Limits{Scopes: []string{"a", "b"}}, request: Request{Scopes: []string{"b"}}, want: Request{Scopes: []string{"b"}}},
		{name: "more", limits: account.Limits{Scopes: []string{"a", "b"}}, request: Request{Scopes: []string{"b", "c"}}, why: Scopes, beyond: []string{"c"}},
		{name: "no scope at all", limits: account.Limits{Scopes: []string{}}, request: Request{Scopes: []string{"a"}}, why: Scopes, beyond: []string{"a"}},
		{name: "the audience", limits: account.Limits{Audiences: []string{"x"}}, want: Request{Audience: "x"}},
		{name: "one of two", limits: account.Limits{Audiences: []string{"x", "y"}}, request: Request{Resource: "y"}, want: Request{Resource: "y"}},
		{name: "none of two", limits: account.Limits{Audiences: []string{"x", "y"}}, why: Audience},
		{name: "another", limits: account.Limits{Audiences: []string{"x"}}, request: Request{Audience: "x", Resource: "z"}, why: Audience},
		{name: "no audience at all", limits: account.Limits{Audiences: []string{}}, why: Audience},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := Within(test.limits, test.request)
			if d.Allowed != (test.why == "") || d.Why != test.why || !slices.Equal(d.Beyond, test.beyond) {
				t.Errorf("got %t, %q, beyond %q; want %q, %q", d.Allowed, d.Why, d.Beyond, test.why, test.beyond)
			}
			if d.Allowed && !reflect.DeepEqual(d.Request, test.want) {
				t.Errorf("got %+v, want %+v", d.Request, test.want)
			}
		})
	}
}

func TestAsk(t *testing.T) {
	for _, test := range []struct {
		confirm account.Confirm
		rules   []account.Rule
		want    bool
	}{
		{"", nil, false}, {account.ConfirmNever, nil, false}, {account.ConfirmFirst, nil, true}, {account.ConfirmAlways, nil, true},
		{account.ConfirmFirst, []account.Rule{{}}, false},
		{account.ConfirmAlways, []account.Rule{{}}, true},
		{account.ConfirmFirst, []account.Rule{allow("/y")}, true},
		{account.ConfirmFirst, []account.Rule{deny("/x")}, false},
		{account.ConfirmFirst, []account.Rule{{Limits: account.Limits{Audiences: []string{}}}}, false},
	} {
		if got := Decide(account.Policy{Confirm: test.confirm, Rules: test.rules}, exe("/x"), Request{}).Ask; got != test.want {
			t.Errorf("%q with %+v: got %t, want %t", test.confirm, test.rules, got, test.want)
		}
	}
}

func someOf(t *rapid.T, label string) []string {
	if rapid.Bool().Draw(t, label+" given") {
		return rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3).Draw(t, label)
	}
	return nil
}

func rules(t *rapid.T) (all []account.Rule) {
	for range rapid.IntRange(0, 4).Draw(t, "rules") {
		all = append(all, account.Rule{
			Deny: rapid.Bool().Draw(t, "deny"),
			Exe:  rapid.SampledFrom([]string{"", "/a", "/b", "/*", "/**", "["}).Draw(t, "exe"),
			Limits: account.Limits{
				Scopes: someOf(t, "scopes"), Audiences: someOf(t, "audiences"),
			},
		})
	}
	return all
}

// Whatever the rules are: what is allowed is within the limits of the rule that decided, which is the first that matches;
// a refusal has a reason; and a rule that does not match changes nothing.
func TestDecideProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := account.Policy{Rules: rules(t), Confirm: rapid.SampledFrom([]account.Confirm{"", "never", "first", "always"}).Draw(t, "confirm")}
		caller := exe(rapid.SampledFrom([]string{"", "/a", "/b", "/c/d"}).Draw(t, "caller"))
		request := Request{Scopes: someOf(t, "wanted"), Audience: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "audience")}
		d := Decide(p, caller, request)
		first := slices.IndexFunc(p.Rules, func(r account.Rule) bool { return Matches(r, caller) })
		if (d.Rule == nil) != (first < 0) || first >= 0 && d.Rule != &p.Rules[first] {
			t.Fatalf("rule %+v decided, want number %d", d.Rule, first)
		}
		if d.Allowed == (d.Why != "") {
			t.Fatalf("got allowed %t with the reason %q", d.Allowed, d.Why)
		}
		if !d.Allowed && d.Ask {
			t.Fatal("a person is asked about what is refused anyway")
		}
		outside := func(limits []string) func(string) bool {
			return func(s string) bool { return !slices.Contains(limits, s) }
		}
		if d.Allowed && d.Limits.Scopes != nil && (slices.ContainsFunc(d.Request.Scopes, outside(d.Limits.Scopes)) || len(d.Request.Scopes) < min(1, len(d.Limits.Scopes))) {
			t.Fatalf("got scopes %q beyond %q", d.Request.Scopes, d.Limits.Scopes)
		}
		if d.Allowed && d.Limits.Audiences != nil && outside(d.Limits.Audiences)(d.Request.Audience) {
			t.Fatalf("got audience %q beyond %q", d.Request.Audience, d.Limits.Audiences)
		}
		without := p
		without.Rules = append([]account.Rule{deny("/never")}, p.Rules...)
		if again := Decide(without, caller, request); again.Allowed != d.Allowed || again.Why != d.Why || !reflect.DeepEqual(again.Request, d.Request) {
			t.Fatalf("a rule that does not match changed %+v into %+v", d, again)
		}
	})
}

func TestMeter(t *testing.T) {
	rate := account.Rate{Times: 2, Per: time.Minute}
	now := time.Unix(1_800_000_000, 0)
	var m Meter
	for i, step := range []struct {
		after time.Duration
		ok    bool
		wait  time.Duration
	}{
		{0, true, 0}, {0, true, 0}, {0, false, 30 * time.Second}, {20 * time.Second, false, 10 * time.Second},
		{10 * time.Second, true, 0}, {0, false, 30 * time.Second}, {time.Hour, true, 0}, {0, true, 0}, {0, false, 30 * time.Second},
		{-time.Hour, false, 30 * time.Second},
	} {
		now = now.Add(step.after)
		if wait, ok := m.Take(rate, now); ok != step.ok || (wait-step.wait).Abs() > time.Millisecond {
			t.Errorf("step %d: got %v, %t, want %v, %t", i, wait, ok, step.wait, step.ok)
		}
	}
}

// A process that has ended, or hides what program it is, gets no further than the first [[deny]] that may be about it.
func TestWhoIsUnknownIsDenied(t *testing.T) {
	hidden := account.Evidence{UID: 1000, Unknown: true}
	for name, rule := range map[string]account.Rule{
		"exe": {Exe: "/opt/**"}, "app": {App: "flatpak:*"}, "unit": {Unit: "agent-*.scope"}, "origin": {Origin: "/usr/bin/sshd"},
	} {
		deny := rule
		deny.Deny = true
		if d := Decide(account.Policy{Rules: []account.Rule{deny}}, hidden, Request{}); d.Allowed || d.Why != Denied {
			t.Errorf("[[deny]] %s: got %+v, want it denied", name, d)
		}
		if d := Decide(account.Policy{Rules: []account.Rule{rule}}, hidden, Request{}); d.Allowed {
			t.Errorf("[[allow]] %s: got %+v, want no rule", name, d)
		}
	}
	other := 1001
	if d := Decide(account.Policy{Rules: []account.Rule{{Deny: true, UID: &other, Exe: "/opt/**"}}}, hidden, Request{}); !d.Allowed {
		t.Errorf("got %+v, want it allowed: the [[deny]] is about another user", d)
	}
}
