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

// builtIn is the table, read when it is first needed. What a test has found right cannot fail.
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
		if row := table[name]; row.Token == "" && row.Issuer == "" {
			return nil, fmt.Errorf("provider table: %s: neither endpoints nor an issuer", name)
		}
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return nil, fmt.Errorf("provider table: %s: not lower-case", name)
		}
	}
	return table, nil
}

// Lookup returns the built-in provider of that name, see [Row.Provider]. The result shares nothing with later ones.
func Lookup(name string) (Provider, bool) {
	row, ok := builtIn()[name]
	if !ok {
		return Provider{}, false
	}
	return row.Provider(name), true
}

// Names returns the names of the built-in providers, sorted.
func Names() []string { return slices.Sorted(maps.Keys(builtIn())) }

// LookupIssuer returns the built-in provider that issuer belongs to, pinned to that one issuer. The result shares nothing
// with later ones. It is asked for every account now and then, of which there may be thousands.
func LookupIssuer(issuer string) (Provider, bool) {
	for name, row := range builtIn() {
		known := Provider{Issuer: row.Issuer, IssuerTemplate: row.IssuerTemplate, IssuerAliases: row.IssuerAliases}
		if known.IssuerMatches(issuer, "") {
			p := row.Provider(name)
			p.Issuer, p.IssuerTemplate = issuer, ""
			return p, true
		}
	}
	return Provider{}, false
}

// google is needed by name, for client_secrets files.
func google() Provider {
	p, _ := Lookup("google")
	return p
}
