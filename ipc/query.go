package ipc

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// readPath reads a query that is the path of one thing; list is the endpoint that lists them.
func readPath(raw, list string) (path string, err error) {
	err = readQuery(raw, []string{"path"}, func(_, value string) error {
		path = value
		return nil
	})
	if err == nil && path == "" {
		err = badRequest("path is missing", "GET "+list+" lists the paths")
	}
	return path, err
}

// readQuery reads a query whose keys are among fields, each at most once, and calls set for each pair.
func readQuery(raw string, fields []string, set func(key, value string) error) error {
	var seen fieldSet
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		key, keyErr := url.QueryUnescape(key)
		value, valueErr := url.QueryUnescape(value)
		// A semicolon once separated parameters, so it must not silently be part of one.
		if keyErr != nil || valueErr != nil || strings.Contains(pair, ";") {
			return badRequest("the query is malformed", "percent-encode the values")
		}
		if err := seen.add(key, fields); err != nil {
			return err
		}
		if !utf8.ValidString(value) {
			return badRequest(key+" is not UTF-8", "percent-encode the UTF-8 bytes of the value")
		}
		if err := set(key, value); err != nil {
			return err
		}
	}
	return nil
}
