package api

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Span is a length of time as a person writes it: a number of days, such as "90d", or as Go writes durations, such as
// "12h"; "" for none. In JSON it is a number of seconds.
type Span string

// Duration returns the length; 0 if there is none, or if [Span.Check] refuses it.
func (s Span) Duration() time.Duration {
	d, err := s.parse()
	if err != nil {
		return 0
	}
	return d
}

// Check says what is wrong with a Span that was written by hand; nil if it is right.
func (s Span) Check() error {
	_, err := s.parse()
	return err
}

func (s Span) parse() (time.Duration, error) {
	wrong := errors.New(`must be a duration such as "90d" or "12h"`)
	if s == "" {
		return 0, nil
	}
	if days, ok := strings.CutSuffix(string(s), "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil || n == 0 || n > 3650 {
			return 0, wrong
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(string(s))
	if err != nil || d <= 0 {
		return 0, wrong
	}
	return d, nil
}

// MarshalJSON writes whole seconds.
func (s Span) MarshalJSON() ([]byte, error) {
	return strconv.AppendInt(nil, int64(s.Duration()/time.Second), 10), nil
}

// UnmarshalJSON reads a number of seconds.
func (s *Span) UnmarshalJSON(text []byte) error {
	var seconds uint32
	if err := json.Unmarshal(text, &seconds); err != nil {
		return err
	}
	if *s = ""; seconds > 0 {
		*s = Span((time.Duration(seconds) * time.Second).String())
	}
	return nil
}
