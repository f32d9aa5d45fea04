package vault

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// recordVersion is the only version this code reads and writes.
const recordVersion = 1

// header is what every record begins with.
type header struct {
	Version int `json:"v"`
	// Name is the name the record is stored under, so that it is worth nothing under another one; "" in a record from
	// before records had names.
	Name string `json:"name,omitempty"`
}

// check reports whether h is the header of a record that belongs under name.
func (h header) check(name string) error {
	switch {
	case h.Version != recordVersion:
		return fmt.Errorf("%w: written by another version of oauthd", ErrUnreadable)
	case h.Name != name && h.Name != "":
		return ErrMisplaced
	}
	return nil
}

// nameTimeout bounds the rewriting of a record.
const nameTimeout = 5 * time.Second

// wantName has Run rewrite the record under name, which has none.
func (v *Vault) wantName(name string) {
	v.mu.Lock()
	v.nameless[name] = true
	v.mu.Unlock()
	v.wakeRun()
}

func (v *Vault) namelessNames() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Sorted(maps.Keys(v.nameless))
}

// addNames rewrites the records that lack their names. A record whose lock is held is left for the next round, and one
// that cannot be rewritten for the next time it is read.
func (v *Vault) addNames(ctx context.Context) {
	for _, name := range v.namelessNames() {
		lock := v.lockOf(name)
		select {
		case lock <- struct{}{}:
		default:
			continue
		}
		v.addName(ctx, name)
		<-lock
		v.mu.Lock()
		delete(v.nameless, name)
		v.mu.Unlock()
	}
}

// addName rewrites the record under name with its name; the caller holds the record's lock.
func (v *Vault) addName(ctx context.Context, name string) {
	leave, err := v.gate.Enter()
	if err != nil {
		return
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, nameTimeout)
	defer cancel()
	data, err := v.store.Get(ctx, name)
	if err != nil {
		return
	}
	defer clear(data)
	if named, ok := withName(name, data); ok {
		defer clear(named)
		_ = v.store.Put(ctx, name, named) // the old record is as good until then
	}
}

// withName returns the record data with name in it; ok is false if it has one, or is no record of ours.
func withName(name string, data []byte) (named []byte, ok bool) {
	var h header
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &h) != nil || h.check(name) != nil || h.Name != "" || json.Unmarshal(data, &fields) != nil {
		return nil, false
	}
	text, err := json.Marshal(name)
	if err != nil {
		return nil, false
	}
	fields["name"] = text
	named, err = json.Marshal(fields)
	return named, err == nil
}
