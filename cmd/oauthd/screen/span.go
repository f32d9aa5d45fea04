package screen

import (
	"fmt"
	"time"
)

// When words t from now for people: "in 52 min", "3 h ago"; "" for nil.
func When(t *time.Time, now time.Time) string {
	if t == nil {
		return ""
	}
	d := t.Sub(now)
	if d < 0 {
		return Span(-d) + " ago"
	}
	return "in " + Span(d)
}

// Span words a duration in its largest unit; one below zero is none.
func Span(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
