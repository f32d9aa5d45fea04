package grant

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Members are the members of a JSON object: an answer, a file, the claims of a JWT. Nil means that there is no object.
type Members map[string]json.RawMessage

// ParseMembers returns the members of a JSON object, or nil if data is not one.
func ParseMembers(data []byte) Members {
	var m Members
	if json.Unmarshal(data, &m) != nil {
		return nil
	}
	return m
}

// Text returns the member's text, or "" if it is not a string.
func (m Members) Text(name string) string { return text(m[name]) }

// IsText reports whether the member is a string, null or missing.
func (m Members) IsText(name string) bool { return isText(m[name]) }

// Object returns the member's own members, or nil if it is not an object.
func (m Members) Object(name string) Members { return ParseMembers(m[name]) }

// Email returns the member's text if it is an address that can be shown, else "".
func (m Members) Email(name string) string { return Email(m.Text(name)) }

// Seconds reads a member like expires_in: seconds, as a number or as text, with or without a fraction, at most ten
// years. Missing, null, empty, zero and negative all mean not known, which is 0: servers send 0 and -1 for tokens that
// do not expire.
func (m Members) Seconds(name string) (time.Duration, error) {
	raw := m[name]
	number := strings.TrimSpace(text(raw))
	if !isText(raw) {
		number = string(raw)
	}
	if number == "" {
		return 0, nil
	}
	seconds, err := strconv.ParseFloat(number, 64)
	switch {
	case err != nil && !isRange(err), math.IsNaN(seconds), err == nil && math.IsInf(seconds, 0):
		return 0, fmt.Errorf("the answer's %s is not a number", name)
	case seconds <= 0:
		return 0, nil
	case seconds >= maxLifetime.Seconds():
		return maxLifetime, nil
	}
	return duration(seconds), nil
}

// isRange reports whether a number is too large for a float64, and so larger than any that matters.
func isRange(err error) bool { return errors.Is(err, strconv.ErrRange) }

// Instant reads seconds since 1970, whole or not; zero if they are missing, not positive, or beyond the year 9999.
func (m Members) Instant(name string) time.Time {
	const year9999 = 253402300799
	var seconds float64
	if json.Unmarshal(m[name], &seconds) != nil || seconds <= 0 || seconds > year9999 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0)
}

// secrets returns the members of an answer that nobody may see.
func (m Members) secrets() (texts []string) {
	for _, name := range []string{
		"access_token", "client_secret", "device_code", "id_token", "refresh_token", "registration_access_token",
	} {
		texts = append(texts, m.Text(name))
	}
	return texts
}

// first returns the first text that is not empty.
func (m Members) first(names ...string) string {
	for _, name := range names {
		if s := m.Text(name); s != "" {
			return s
		}
	}
	return ""
}

// Email returns text if it is an address that can be shown, else "".
func Email(text string) string {
	if len(text) > 254 || !strings.Contains(text, "@") || strings.ContainsFunc(text, notPrintable) {
		return ""
	}
	return text
}

func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

func isText(raw json.RawMessage) bool {
	return len(raw) == 0 || raw[0] == '"' || string(raw) == "null"
}

func notPrintable(r rune) bool { return r < 0x20 || r > 0x7e }
