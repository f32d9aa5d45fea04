package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/own"
)

// topicsDir is where the pages of topics belong whose commands' pages are in dir: man looks for section 7 in man7.
func topicsDir(dir string) string {
	if filepath.Base(dir) == "man1" {
		return filepath.Join(filepath.Dir(dir), "man7")
	}
	return dir
}

// writeTopics writes the pages of all topics, and returns how many there are.
func writeTopics(dir *own.Dir) (n int, err error) {
	for _, t := range topics() {
		if err := writePage(dir, "oauthd-"+t.name+".7", manTopic(t)); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// manTopic returns the manual page of a topic. Its sections are laid out as oauthd help shows them, because the macros of
// man(7) know no tables.
func manTopic(t topic) string {
	var b strings.Builder
	name := "oauthd-" + t.name
	fmt.Fprintf(&b, ".TH %s 7 \"\" %s \"oauthd manual\"\n", roffQuoted(strings.ToUpper(name)), roffQuoted("oauthd "+release))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(name), roff(t.about))
	title, body, code := "DESCRIPTION", "", false
	section := func() {
		if strings.TrimSpace(body) != "" {
			fmt.Fprintf(&b, ".SH %s\n.nf\n%s.fi\n", roffQuoted(title), roffLaidOut(body))
		}
	}
	for line := range strings.Lines(t.text) {
		if strings.HasPrefix(line, "```") {
			code = !code
		}
		heading, isHeading := strings.CutPrefix(line, "## ")
		switch {
		case code || !isHeading && !strings.HasPrefix(line, "# "):
			body += line
		case isHeading:
			section()
			title, body = strings.ToUpper(strings.ReplaceAll(strings.TrimSpace(heading), "`", "")), ""
		}
	}
	section()
	b.WriteString(".SH \"SEE ALSO\"\n.BR oauthd (1)\n")
	return b.String()
}

// roffLaidOut returns Markdown as lines for roff, with bold type where a terminal has it.
func roffLaidOut(markdown string) string {
	const columns = 71 // man indents by 7
	var b strings.Builder
	bold := strings.NewReplacer("\x1b[1m", `\fB`, "\x1b[0m", `\fR`)
	for line := range strings.Lines(screen.Markdown(markdown, screen.Display{Colours: true}, columns)) {
		b.WriteString(bold.Replace(roff(strings.TrimRight(line, "\n"))) + "\n")
	}
	return b.String()
}
