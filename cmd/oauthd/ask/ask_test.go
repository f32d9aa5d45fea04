package ask

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
	"oauthd/ipc/api/apitest"
)

// What a question shows of a stranger's, the names of providers or an error, is text, and begins no line of its own.
func TestQuestionsShowText(t *testing.T) {
	for name, show := range map[string]func(*Asker, string){
		"an error":  func(a *Asker, text string) { a.Complain(errors.New(text)) },
		"a problem": func(a *Asker, text string) { a.Complain(&api.Error{Message: text, Hint: text}) },
		"choices":   func(a *Asker, text string) { a.list([]Choice{{text, text}, {text, text}}) },
		"names":     func(a *Asker, text string) { a.list([]Choice{{text, ""}}) },
	} {
		for _, text := range append(apitest.Hostile(), "x") {
			var got bytes.Buffer
			show(&Asker{out: screen.On(&got)}, text)
			if bad := apitest.Unprintable(got.String()); bad != "" {
				t.Errorf("%s of %q: shows %s", name, text, bad)
			}
			for line := range strings.Lines(got.String()) {
				if !strings.HasPrefix(line, "  ") {
					t.Errorf("%s of %q: got the line %q, want it indented", name, text, line)
				}
			}
		}
	}
}

func TestJudge(t *testing.T) {
	even := func(s string) error {
		if len(s)%2 != 0 {
			return errors.New("odd")
		}
		return nil
	}
	two := []Choice{{"memory", ""}, {"file", ""}}
	for _, test := range []struct {
		name     string
		q        Question
		answer   string
		want     string
		problems string // "" if the answer is taken
	}{
		{"anything", Question{}, "x", "x", ""},
		{"a number", Question{Choices: two}, "2", "file", ""},
		{"a name", Question{Choices: two}, "memory", "memory", ""},
		{"a number too high", Question{Choices: two}, "3", "", "from 1 to 2"},
		{"no number", Question{Choices: two}, "0", "", "from 1 to 2"},
		{"another name", Question{Choices: two}, "tape", "", "a name from the list"},
		{"another name that may be", Question{Choices: two, Other: true}, "tape", "tape", ""},
		{"checked", Question{Check: even}, "x", "x", "odd"},
		{"a choice is checked", Question{Choices: []Choice{{"abc", ""}}, Check: even}, "1", "abc", "odd"},
		{"does not show", Question{}, "a\u202eb", "", "do not show"},
		{"too long", Question{}, strings.Repeat("x", MaxTyped), "", "too long"},
		{"nearly too long", Question{}, strings.Repeat("x", MaxTyped-1), strings.Repeat("x", MaxTyped-1), ""},
	} {
		got, err := test.q.judge(test.answer)
		switch {
		case test.problems == "" && (err != nil || got != test.want):
			t.Errorf("%s: got %q, %v, want %q", test.name, got, err, test.want)
		case test.problems != "" && (err == nil || !strings.Contains(err.Error(), test.problems)):
			t.Errorf("%s: got %v, want %q", test.name, err, test.problems)
		}
	}
}

// A pipe cannot be asked, and says what to do instead.
func TestNoTerminal(t *testing.T) {
	var out bytes.Buffer
	if Possible(strings.NewReader("yes\n"), &out) {
		t.Error("a pipe can be asked")
	}
	if _, err := New(t.Context(), strings.NewReader("yes\n"), &out); !errors.Is(err, &api.Error{Code: api.BadRequest}) || out.Len() > 0 {
		t.Errorf("got %v and %q, want a refusal", err, &out)
	}
}
