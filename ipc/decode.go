package ipc

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"oauthd/ipc/api"
)

// tokenFields and definitionFields are the names a body may have.
func tokenFields() []string {
	return []string{"account", "scope", "audience", "resource", "min_ttl", "force", "id_token"}
}

func definitionFields() []string {
	t := reflect.TypeFor[api.AccountDefinition]()
	var names []string
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// decodeTokenRequest reads the body of a token request.
func decodeTokenRequest(data []byte) (api.TokenRequest, error) {
	if r, ok := scanTokenRequest(data); ok {
		return r, nil
	}
	var r api.TokenRequest
	err := decodeStrict(data, &r, tokenFields())
	return r, err
}

// checkTokenRequest checks what decoding does not.
func checkTokenRequest(r api.TokenRequest) error {
	if r.Account == "" {
		return &api.Error{Code: api.BadRequest, Message: "account is missing", Hint: "oauthd accounts lists the names"}
	}
	if err := api.CheckAccountName(r.Account); err != nil {
		return err
	}
	if r.MinTTL != nil && (*r.MinTTL < 0 || *r.MinTTL > math.MaxInt32) {
		return badRequest("min_ttl must be a number of seconds from 0 to %d", math.MaxInt32)
	}
	return nil
}

// decodeDefinition reads the body of a login request; an empty one means that nothing changes.
func decodeDefinition(data []byte) (api.AccountDefinition, error) {
	var d api.AccountDefinition
	if len(bytes.TrimSpace(data)) == 0 {
		return d, nil
	}
	if err := decodeStrict(data, &d, definitionFields()); err != nil {
		return d, err
	}
	const longest = 24 * 60 * 60
	if d.Timeout < 0 || d.Timeout > longest {
		return d, badRequest("timeout must be a number of seconds from 0 to %d", longest)
	}
	return d, nil
}

// decodeStrict decodes one JSON object whose keys are among fields, spelled like that, each at most once. Its errors
// name fields and never repeat values.
func decodeStrict(data []byte, into any, fields []string) error {
	if !utf8.Valid(data) {
		return badRequest("the request is not UTF-8")
	}
	if err := checkKeys(data, fields); err != nil {
		return err
	}
	var wrongType *json.UnmarshalTypeError
	switch err := json.Unmarshal(data, into); {
	case errors.As(err, &wrongType):
		return badRequest("%s must be %s", wrongType.Field, typeName(wrongType.Type))
	case err != nil:
		return badRequest("the request is not valid JSON")
	}
	return nil
}

// checkKeys does what encoding/json does not: it matches keys exactly and refuses repeated ones.
func checkKeys(data []byte, fields []string) error {
	notJSON := badRequest("the request is not valid JSON")
	dec := json.NewDecoder(bytes.NewReader(data))
	switch t, err := dec.Token(); {
	case errors.Is(err, io.EOF):
		return badRequest("the request is empty")
	case err != nil:
		return notJSON
	case t != json.Delim('{'):
		return badRequest("the request is not a JSON object")
	}
	seen := make(map[string]bool, len(fields))
	for dec.More() {
		t, err := dec.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return notJSON
		}
		if err := checkKey(key, fields, seen); err != nil {
			return err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return notJSON
		}
	}
	if _, err := dec.Token(); err != nil {
		return notJSON
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return badRequest("there is more than one JSON object in the request")
	}
	return nil
}

// checkKey refuses a key that is unknown or was seen before, and notes it.
func checkKey(key string, fields []string, seen map[string]bool) error {
	known := false
	for _, f := range fields {
		known = known || f == key
	}
	const shown = 40
	switch {
	case !known && len(key) > shown:
		return badRequest("the request has an unknown field")
	case !known:
		return badRequest("unknown field %q", key)
	case seen[key]:
		return badRequest("%s is given more than once", key)
	}
	seen[key] = true
	return nil
}

func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int64:
		return "an integer"
	case reflect.Slice:
		return "an array of strings"
	default:
		return "an object of strings"
	}
}

// queryTokenRequest reads the query of GET /v1/token.
func queryTokenRequest(raw string) (api.TokenRequest, error) {
	var r api.TokenRequest
	err := readQuery(raw, tokenFields(), func(key, value string) error { return setParameter(&r, key, value) })
	return r, err
}

// readQuery reads a query whose keys are among fields, each at most once, and hands each pair to set.
func readQuery(raw string, fields []string, set func(key, value string) error) error {
	seen := make(map[string]bool, len(fields))
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
			return badRequest("the query is malformed")
		}
		if err := checkKey(key, fields, seen); err != nil {
			return err
		}
		if !utf8.ValidString(value) {
			return badRequest("%s is not UTF-8", key)
		}
		if err := set(key, value); err != nil {
			return err
		}
	}
	return nil
}

func setParameter(r *api.TokenRequest, key, value string) error {
	switch key {
	case "account":
		r.Account = value
	case "scope":
		r.Scope = value
	case "audience":
		r.Audience = value
	case "resource":
		r.Resource = value
	case "min_ttl":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return badRequest("min_ttl must be an integer")
		}
		r.MinTTL = &n
	case "force":
		return setFlag(&r.Force, key, value)
	case "id_token":
		return setFlag(&r.IDToken, key, value)
	}
	return nil
}

func setFlag(flag *bool, key, value string) error {
	switch value {
	case "true", "1":
		*flag = true
	case "false", "0":
	default:
		return badRequest("%s must be true or false", key)
	}
	return nil
}
