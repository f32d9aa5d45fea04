package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"oauthd/ipc/own"

	"github.com/spf13/pflag"
)

func writePage(dir *own.Dir, name, text string) error {
	err := dir.Replace(name, []byte(text))
	if err == nil {
		err = dir.Chmod(name, 0o644) // for everyone who reads manuals
	}
	if err != nil {
		return fileProblem(dir.Path(name), err)
	}
	return nil
}

// roffFlag describes a flag.
func roffFlag(b *strings.Builder, f *pflag.Flag) {
	if f.Hidden {
		return
	}
	name := "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	value, usage := pflag.UnquoteUsage(f)
	if value != "" {
		value = " " + value
	}
	fmt.Fprintf(b, ".TP\n.BR %s\n%s\n", roffQuoted(name)+" "+roffQuoted(value), roff(usage))
}

// roffText writes paragraphs; lines that are indented stay as they are.
func roffText(b *strings.Builder, text string) {
	literal, begun := false, false
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		if indented := strings.HasPrefix(line, " "); indented != literal && line != "" {
			literal = indented
			b.WriteString(map[bool]string{true: ".RS 2\n.nf\n", false: ".fi\n.RE\n"}[literal])
		}
		switch {
		case line == "" && begun:
			b.WriteString(map[bool]string{true: "\n", false: ".PP\n"}[literal])
		case line != "":
			b.WriteString(roff(strings.TrimPrefix(line, "  ")) + "\n")
			begun = true
		}
	}
	if literal {
		b.WriteString(".fi\n.RE\n")
	}
}

func roffSpecial() *strings.Replacer {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", "\\(ga", "^", `\(ha`, "~", `\(ti`, "…", "...")
}

// roff returns text with nothing that roff would take for its own, not even at the start of a line.
func roff(text string) string {
	var b strings.Builder
	for _, r := range roffSpecial().Replace(text) {
		if r < utf8.RuneSelf {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\[u%04X]`, r) // in any encoding
		}
	}
	text = b.String()
	if strings.HasPrefix(text, ".") {
		return `\&` + text
	}
	return text
}

// roffQuoted returns text as one argument of a macro.
func roffQuoted(text string) string { return `"` + strings.ReplaceAll(roff(text), `"`, `\(dq`) + `"` }
