package ipc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// oneObject is the hint for whatever is not one JSON object.
const oneObject = `send one JSON object, such as {"account":"work"}`

// fieldsOf returns the names of the JSON fields of a struct of type T, in order; there must not be more than 64.
func fieldsOf[T any]() []string {
	t := reflect.TypeFor[T]()
	var names []string
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}

// decodeStrict decodes one JSON object whose keys are among fields, spelled exactly like that, each at most once. Its
// errors name fields and never repeat values.
func decodeStrict(data []byte, into any, fields []string) error {
	if !utf8.Valid(data) {
		return badRequest("the request is not UTF-8", "encode it as UTF-8")
	}
	if err := checkKeys(data, fields); err != nil {
		return err
	}
	var wrongType *json.UnmarshalTypeError
	switch err := json.Unmarshal(data, into); {
	case errors.As(err, &wrongType):
		return badRequest(fmt.Sprintf("%s must be %s", wrongType.Field, typeName(wrongType.Type)), "correct the value's type")
	case err != nil:
		return notJSON()
	}
	return nil
}

func notJSON() error { return badRequest("the request is not valid JSON", oneObject) }

// checkKeys does what encoding/json does not: it matches keys exactly and refuses repeated ones.
func checkKeys(data []byte, fields []string) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	switch t, err := dec.Token(); {
	case errors.Is(err, io.EOF):
		return badRequest("the request is empty", oneObject)
	case err != nil:
		return notJSON()
	case t != json.Delim('{'):
		return badRequest("the request is not a JSON object", oneObject)
	}
	var seen fieldSet
	for dec.More() {
		t, err := dec.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return notJSON()
		}
		if err := seen.add(key, fields); err != nil {
			return err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return notJSON()
		}
	}
	if _, err := dec.Token(); err != nil {
		return notJSON()
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return badRequest("there is more than one JSON object in the request", "send one at a time")
	}
	return nil
}

// fieldSet is which fields, by index, a request has had so far.
type fieldSet uint64

// add refuses a key that is unknown or was there before, and records it.
func (s *fieldSet) add(key string, fields []string) error {
	const shown = 40 // what is longer is no misspelled name
	switch i := slices.Index(fields, key); {
	case i < 0 && len(key) > shown:
		return badRequest("the request has an unknown field", "the fields are "+strings.Join(fields, ", "))
	case i < 0:
		return badRequest(fmt.Sprintf("unknown field %q", key), "the fields are "+strings.Join(fields, ", "))
	case *s&(1<<i) != 0:
		return badRequest(key+" is given more than once", "give it once")
	default:
		*s |= 1 << i
		return nil
	}
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
