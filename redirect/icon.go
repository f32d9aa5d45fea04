package redirect

import (
	"io"
	"strconv"
)

// glyph is what our icon shows, without the element around it.
const glyph = `<rect width="32" height="32" rx="8" fill="#3b5bdb"/>` +
	`<g fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round">` +
	`<circle cx="11.5" cy="16" r="4.5"/><path d="M16 16h9M22 16v4"/></g></svg>`

const (
	iconPath = "/icon.svg"
	iconSVG  = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">` + glyph + "\n"
)

// serveIcon serves the icon of our pages, and to our pages only: no other site learns from it that a login is under way.
func serveIcon(v visit) bool {
	if isCrossSite(v.r) {
		return false
	}
	v.w.Header().Set("Content-Type", "image/svg+xml")
	v.w.Header().Set("Content-Length", strconv.Itoa(len(iconSVG)))
	_, _ = io.WriteString(v.w, iconSVG)
	return true
}
