package provider

import "strings"

// Near returns up to five of names, in their order, that anyone who typed name may have meant.
func Near(name string, names []string) []string {
	const most = 5
	name = strings.ToLower(name)
	var near []string
	for _, known := range names {
		other := strings.ToLower(known)
		alike := len(name) > 2 && (strings.Contains(other, name) || strings.Contains(name, other))
		if (alike || slips(name, other) <= min(2, len(name)/2)) && len(near) < most {
			near = append(near, known)
		}
	}
	return near
}

// slips counts the letters to add, drop or change to turn a into b. Anything above two may be reported as three.
func slips(a, b string) int {
	if d := len(a) - len(b); d > 2 || d < -2 {
		return 3
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
