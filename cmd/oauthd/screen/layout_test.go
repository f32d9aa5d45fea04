package screen

import (
	"slices"
	"testing"
)

func TestShorten(t *testing.T) {
	for _, test := range []struct {
		text string
		most int
		want string
	}{
		{"ada@example.com", 15, "ada@example.com"},
		{"ada@example.com", 14, "ada@exa…le.com"},
		{"ada@example.com", 5, "ad…om"},
		{"ada@example.com", 2, "a…"},
		{"ada@example.com", 1, "…"},
		{"ada@example.com", 0, ""},
		{"ada@example.com", -3, ""},
		{"Zoë@example.com", 6, "Zoë…om"},
		{"Zoe\u0308@example.com", 6, "Zoe\u0308…om"}, // an accent of its own
		{"東京都@example.com", 8, "東京…com"},
		{"東京都@example.com", 7, "東…com"}, // half a character is none
		{"ada@東京都", 8, "ada@…都"},
		{"東京都", 6, "東京都"},
		{"東京都", 5, "東…都"},
		{"👩‍👩‍👧 ada of the family", 9, "👩‍👩‍👧 a…mily"},
	} {
		if got := Shorten(test.text, test.most); got != test.want {
			t.Errorf("shorten(%q, %d): got %q, want %q", test.text, test.most, got, test.want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, test := range []struct {
		name, text string
		columns    int
		want       []string
	}{
		{"fits", "one two", 7, []string{"one two"}},
		{"two lines", "one two three", 7, []string{"one two", "three"}},
		{"a long word", "a verylongword b", 5, []string{"a", "verylongword", "b"}},
		{"no end", "one  two\nthree", 0, []string{"one two three"}},
		{"characters, not bytes", "Zoë Zoë", 7, []string{"Zoë Zoë"}},
		{"wide characters", "東京 東京", 8, []string{"東京", "東京"}},
		{"nothing", "", 7, []string{""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Wrap(test.text, test.columns); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
