package gce

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// node is a directory, or one of the values below.
type node any

// directory lists what is in it, in order.
type directory []entry

type entry struct {
	name string
	node node
}

// The values.
type (
	text   string
	number int64
	lines  []string                                 // one on each line
	answer func(http.ResponseWriter, *http.Request) // made for each request, and part of no listing of values
)

// find returns what has the path, or nil.
func (d directory) find(path []string) node {
	if path[0] == "" {
		return d
	}
	for _, e := range d {
		if e.name != path[0] {
			continue
		}
		inner, ok := e.node.(directory)
		switch {
		case len(path) == 1:
			return e.node
		case ok:
			return inner.find(path[1:])
		}
	}
	return nil
}

// show writes a value or, of a directory, the names that are in it; with recursive=true, all that is in it.
func show(w http.ResponseWriter, r *http.Request, n node) {
	query := r.URL.Query()
	_, lists := n.(directory)
	if lists && query.Get("recursive") == "true" || query.Get("alt") == "json" {
		body, _ := json.Marshal(values(n))                 // strings, numbers, and lists and maps of them
		w.Header().Set("Content-Type", "application/json") // exactly: Python's library compares
		_, _ = w.Write(body)
		return
	}
	w.Header().Set("Content-Type", "application/text")
	_, _ = w.Write([]byte(plain(n)))
}

// plain returns n as text.
func plain(n node) string {
	switch n := n.(type) {
	case text:
		return string(n)
	case number:
		return strconv.FormatInt(int64(n), 10)
	case lines:
		return strings.Join(n, "\n") + "\n"
	case directory:
		var b strings.Builder
		for _, e := range n {
			b.WriteString(e.name)
			if _, ok := e.node.(directory); ok {
				b.WriteByte('/')
			}
			b.WriteByte('\n')
		}
		return b.String()
	}
	return ""
}

// values returns n for JSON, in which names are written in camel case.
func values(n node) any {
	switch n := n.(type) {
	case lines:
		return append([]string{}, n...)
	case directory:
		all := map[string]any{}
		for _, e := range n {
			if _, ok := e.node.(answer); !ok {
				all[camel(e.name)] = values(e.node)
			}
		}
		return all
	}
	return n
}

// camel turns numeric-project-id into numericProjectId. A name with an @ is an e-mail address.
func camel(name string) string {
	if strings.Contains(name, "@") {
		return name
	}
	words := strings.Split(name, "-")
	for i, word := range words[1:] {
		if word != "" {
			words[i+1] = strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return strings.Join(words, "")
}
