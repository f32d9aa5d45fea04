package screen

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"oauthd/ipc/api"
)

// gap is what is between two columns.
const gap = "  "

// Listing is a table with a header. On a terminal it fits the width; elsewhere nothing is left out.
type Listing struct {
	Rows [][]string // the first is the header
	// Spare are the columns that a narrow terminal need not show, the most dispensable first.
	Spare []int
	// Style is how a cell stands out; nil for none does.
	Style func(column int, cell string) Style
}

// Table prints rows in aligned columns, each on its line; the last column is not padded.
func Table(w io.Writer, rows [][]string) error { return Listing{Rows: rows}.Print(w) }

// Print writes the table to w.
func (l Listing) Print(w io.Writer) error {
	d := DisplayOf(w)
	rows := filtered(l.Rows)
	columns := make([]int, len(rows[0]))
	for i := range columns {
		columns[i] = i
	}
	if d.Columns > 0 {
		columns = l.fit(rows, columns, d.Columns)
	}
	widths := measure(rows, columns)
	var b strings.Builder
	for n, row := range rows {
		var line strings.Builder
		for i, c := range columns {
			cell := Plain
			if n == 0 && d.Colours && l.Style != nil {
				cell = Bold
			} else if n > 0 && l.Style != nil {
				cell = l.Style(c, row[c])
			}
			line.WriteString(d.Paint(cell, row[c]))
			if i+1 < len(columns) {
				line.WriteString(strings.Repeat(" ", widths[i]-Width(row[c])) + gap)
			}
		}
		fmt.Fprintln(&b, strings.TrimRight(line.String(), " "))
	}
	_, err := io.WriteString(Raw(w), b.String())
	return err
}

// readable is how many characters a cell needs if it is shortened.
const readable = 15

// fit shortens the longest cells of rows until they fit into so many characters, and returns the columns to print. The
// first column, which a person has to type, is shortened only if all else is not enough.
func (l Listing) fit(rows [][]string, columns []int, most int) []int {
	limit := widest(measure(rows, columns), most)
	if limit == slices.Max(measure(rows, columns)) {
		return columns // all of it fits
	}
	for _, c := range l.Spare {
		if limit >= readable {
			break
		}
		columns = slices.DeleteFunc(columns, func(other int) bool { return other == c })
		limit = widest(measure(rows, columns), most)
	}
	first := measure(rows, columns[:1])[0]
	if limit < readable {
		first = max(most/2, readable)
		limit = widest(append([]int{first}, measure(rows, columns[1:])...), most)
	}
	for _, row := range rows {
		row[0] = Shorten(row[0], first)
		for i := range row[1:] {
			row[i+1] = Shorten(row[i+1], max(limit, 4))
		}
	}
	return columns
}

// widest returns how wide a column but the first may be, so that columns of these widths fit into so many characters.
func widest(widths []int, most int) int {
	most -= widths[0]
	limit := slices.Max(widths)
	for ; limit > 0; limit-- {
		sum := 0
		for _, w := range widths[1:] {
			sum += len(gap) + min(w, limit)
		}
		if sum <= most {
			break
		}
	}
	return limit
}

// measure returns how wide these columns are.
func measure(rows [][]string, columns []int) []int {
	widths := make([]int, len(columns))
	for _, row := range rows {
		for i, c := range columns {
			widths[i] = max(widths[i], Width(row[c]))
		}
	}
	return widths
}

// filtered returns rows as text that may be shown.
func filtered(rows [][]string) [][]string {
	shown := make([][]string, len(rows))
	for i, row := range rows {
		shown[i] = make([]string, len(row))
		for j, cell := range row {
			shown[i][j] = api.Printable(cell)
		}
	}
	return shown
}

// Facts prints rows of a name and a value. On a terminal a long value is wrapped beside its name.
func Facts(w io.Writer, rows [][]string) error {
	d := DisplayOf(w)
	rows = filtered(rows)
	var b strings.Builder
	indent := 0
	for _, row := range rows {
		indent = max(indent, Width(row[0])+len(gap))
	}
	for _, row := range rows {
		lines := []string{row[1]}
		if d.Columns > indent && Width(row[1]) > d.Columns-indent {
			lines = Wrap(row[1], d.Columns-indent)
		}
		name := d.Paint(Dim, row[0]) + strings.Repeat(" ", indent-Width(row[0]))
		for _, line := range lines {
			fmt.Fprintln(&b, strings.TrimRight(name+line, " "))
			name = strings.Repeat(" ", indent)
		}
	}
	_, err := io.WriteString(Raw(w), b.String())
	return err
}
