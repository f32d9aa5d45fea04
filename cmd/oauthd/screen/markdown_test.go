package screen

import "testing"

func TestRenderMarkdown(t *testing.T) {
	for _, test := range []struct {
		name, text, want, coloured string
	}{
		{"paragraphs", "one two three four five six\nseven\n\n\neight\n", "one two three four\nfive six seven\n\neight\n", ""},
		{"headings", "# Title\nunder it\n## `Second`\n\ntext\n", "Title\n\nunder it\n\nSecond\n\ntext\n", "\x1b[1mTitle\x1b[0m\n\nunder it\n\n\x1b[1mSecond\x1b[0m\n\ntext\n"},
		{"code", "do:\n\n```sh\n$ a  b  # c\n\n  and more that is as long as it is\n```\nthen\n", "do:\n\n  $ a  b  # c\n\n    and more that is as long as it is\n\nthen\n", ""},
		{"a list", "- one two three four five\n- b\n  goes on\n1. c\n", "- one two three four\n  five\n- b goes on\n1. c\n", ""},
		{"marks", "`a b` and **c** [d](https://x)\n", "`a b` and c d\n(https://x)\n", "\x1b[1ma\x1b[0m \x1b[1mb\x1b[0m and c d\n(https://x)\n"},
		{"a table", "| a | b |\n|---|---|\n| ccc | one two three four |\n", "  a    b\n  ccc  one two three\n       four\n", ""},
		{"a table that is too wide", "| a quite long cell | b |\n|---|\n", "  a quite long cell\n  b\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			const columns = 20
			if got := Markdown(test.text, Display{}, columns); got != test.want {
				t.Errorf("got\n%q, want\n%q", got, test.want)
			}
			if test.coloured == "" {
				test.coloured = test.want
			}
			if got := Markdown(test.text, Display{Colours: true}, columns); got != test.coloured {
				t.Errorf("with colours: got\n%q, want\n%q", got, test.coloured)
			}
		})
	}
}
