package screen

import (
	"regexp"
	"slices"
	"strings"
)

// sheet lays Markdown out for a terminal: headings, paragraphs, lists, tables and code of a topic, as far as ours use them.
type sheet struct {
	display        Display
	columns        int
	out            strings.Builder
	listItem, link *regexp.Regexp // compiled here, and not whenever a program starts
}

// Markdown returns text for a display, in lines of at most columns characters. Code is left as it is.
func Markdown(text string, d Display, columns int) string {
	p := &sheet{
		display: d, columns: columns,
		listItem: regexp.MustCompile(`^ *([-*]|\d+\.) `),
		link:     regexp.MustCompile(`\[([^\]]+)\]\(([^)\s]+)\)`),
	}
	var block []string
	code := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \n")
		switch {
		case strings.HasPrefix(line, "```"):
			p.block(block)
			block, code = nil, !code
			if !code {
				p.out.WriteByte('\n')
			}
		case code:
			p.line("  ", line)
		case line == "", strings.HasPrefix(line, "#"):
			p.block(block)
			block = nil
			p.heading(line)
		case p.listItem.MatchString(line):
			p.block(block)
			block = []string{line}
		default:
			block = append(block, line)
		}
	}
	p.block(block)
	return strings.Trim(regexp.MustCompile(`\n{3,}`).ReplaceAllString(p.out.String(), "\n\n"), "\n") + "\n"
}

func (p *sheet) line(indent, text string) {
	p.out.WriteString(strings.TrimRight(indent+text, " ") + "\n")
}

// heading prints a heading, or the blank line between two blocks.
func (p *sheet) heading(line string) {
	if title := strings.TrimSpace(strings.TrimLeft(line, "#")); title != "" {
		p.line("\n", p.display.Paint(Bold, strings.ReplaceAll(title, "`", "")))
	}
	p.out.WriteByte('\n')
}

// block prints a paragraph, a list item or a table.
func (p *sheet) block(lines []string) {
	switch {
	case len(lines) == 0:
	case strings.HasPrefix(lines[0], "|"):
		p.table(lines)
	default:
		text := strings.Join(lines, " ")
		mark := p.listItem.FindString(text)
		p.paragraph(mark, strings.Repeat(" ", len(mark)), text[len(mark):])
	}
}

// paragraph wraps text; its first line begins with first, the others with next.
func (p *sheet) paragraph(first, next, text string) {
	indent, line, used := first, "", len(first)
	for _, w := range p.words(text) {
		if line != "" && used+1+w.width > p.columns {
			p.line(indent, line)
			indent, line, used = next, "", len(next)
		}
		if line != "" {
			line += " "
			used++
		}
		line += w.shown
		used += w.width
	}
	p.line(indent, line)
}

// word is what stands between two spaces, as it is written and how many characters it has.
type word struct {
	shown string
	width int
}

// words takes the marks of Markdown out of a text. What is between backquotes is bold; without colours these remain.
func (p *sheet) words(text string) []word {
	text = p.link.ReplaceAllStringFunc(text, func(found string) string {
		parts := p.link.FindStringSubmatch(found)
		if parts[1] == parts[2] {
			return parts[1]
		}
		return parts[1] + " (" + parts[2] + ")"
	})
	text = strings.ReplaceAll(text, "**", "")
	var words []word
	code := false
	for field := range strings.FieldsSeq(text) {
		w := word{width: Width(field)}
		for i, piece := range strings.Split(field, "`") {
			if i > 0 {
				code = !code
				if p.display.Colours {
					w.width--
				} else {
					w.shown += "`"
				}
			}
			w.shown += p.display.Paint(map[bool]Style{true: Bold, false: Plain}[code], piece)
		}
		words = append(words, w)
	}
	return words
}

// table prints the rows of a table in columns, of which the last is wrapped.
func (p *sheet) table(lines []string) {
	var rows [][]string
	var widths []int
	for _, line := range lines {
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if strings.Trim(line, "|-: ") == "" {
			continue
		}
		for i, cell := range cells {
			cells[i] = strings.TrimSpace(cell)
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], Width(cells[i]))
		}
		rows = append(rows, cells)
	}
	for _, row := range rows {
		first := "  "
		for i, cell := range row[:len(row)-1] {
			first += cell + strings.Repeat(" ", widths[i]-Width(cell)+2)
		}
		if indent := Width(first); indent < p.columns/2 {
			p.paragraph(first, strings.Repeat(" ", indent), row[len(row)-1])
			continue
		}
		for _, cell := range slices.DeleteFunc(row, func(s string) bool { return s == "" }) {
			p.paragraph("  ", "    ", cell)
		}
	}
}
