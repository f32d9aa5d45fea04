package main

import "strings"

// suggesting is the beginning of a hint: what somebody who typed word probably meant, after prefix; "" if there is
// nothing near.
func suggesting(word string, all []string, prefix string) string {
	near := nearest(word, all)
	if near == "" || near == word {
		return ""
	}
	return "did you mean " + prefix + near + "? "
}

// nearest returns the word of all that somebody who typed word probably meant, "" if none is near: one that it begins, or
// that differs in a letter, or in two if it is long.
func nearest(word string, all []string) string {
	word = strings.ToLower(word)
	best, least := "", max(len(word)/3, 1)+1
	for _, candidate := range all {
		if d := distance(word, candidate); d < least {
			best, least = candidate, d
		}
	}
	if best != "" || len(word) < 2 {
		return best
	}
	for _, candidate := range all {
		if strings.HasPrefix(candidate, word) {
			return candidate
		}
	}
	return ""
}

// distance counts the letters to add, drop, change or swap to get from a to b (Damerau-Levenshtein, of neighbours).
func distance(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, now := rows[0], rows[1], rows[2]
		now[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			now[j] = min(last[j]+1, now[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
		}
		rows = [3][]int{last, now, before}
	}
	return rows[1][len(b)]
}
