package provider

import (
	"bytes"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"
)

//go:embed table.toml
var tableText []byte

// builtIn is the table, read when it is first needed. It cannot fail, because a test has read it.
var builtIn = sync.OnceValue(func() map[string]Row {
	table, err := readTable(tableText)
	if err != nil {
		panic(err)
	}
	return table
})

// readTable reads a table strictly: an unknown key and a wrong value are errors.
func readTable(text []byte) (map[string]Row, error) {
	var table map[string]Row
	if err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(&table); err != nil {
		return nil, fmt.Errorf("provider table: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(table)) {
		for _, mistake := range table[name].Check() {
			return nil, fmt.Errorf("provider table: %s: %s", name, mistake.Text)
		}
		row := table[name]
		switch {
		case row.Endpoints.Token == "" && row.Issuer == "":
			return nil, fmt.Errorf("provider table: %s: neither endpoints nor an issuer", name)
		case row.Endpoints.Token != "" && row.Narrowing == "":
			row.Narrowing = NarrowNone // trying it out may do harm
			table[name] = row
		}
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return nil, fmt.Errorf("provider table: %s: not lower-case", name)
		}
	}
	return table, nil
}

// Lookup returns the built-in provider of that name, see [Row.Provider]. Each call returns a copy of its own.
func Lookup(name string) (Provider, bool) {
	row, ok := builtIn()[name]
	if !ok {
		return Provider{}, false
	}
	return row.builtIn(name), true
}

// builtIn returns r, which is a row of the built-in table, as the provider of that name.
func (r Row) builtIn(name string) Provider {
	p := r.Provider(name)
	p.BuiltIn = true
	return p
}

// Names returns the names of the built-in providers, sorted.
func Names() []string { return slices.Sorted(maps.Keys(builtIn())) }

// LookupIssuer returns the built-in provider that issuer belongs to, pinned to that one issuer. Each call returns a copy
// of its own. It is fast, because it is called for each of what may be thousands of accounts.
func LookupIssuer(issuer string) (Provider, bool) {
	for name, row := range builtIn() {
		if (Provider{Row: row}).IssuerMatches(issuer, "") {
			p := row.builtIn(name)
			p.Issuer, p.IssuerTemplate = issuer, ""
			return p, true
		}
	}
	return Provider{}, false
}

// google is the provider that client_secrets files belong to.
func google() Provider {
	p, _ := Lookup("google")
	return p
}
