package keystore

import (
	"bytes"
	"errors"
	"maps"
	"slices"
)

// fakeItems is a keychain in a map. With fuse > 0 the fuse-th change and all after it fail, as after a crash.
type fakeItems struct {
	kept    map[string]string
	fuse    int
	changes int
	deaf    bool // changes succeed and do nothing, as after a dismissed prompt
	onGet   func(name string)
	changed func() // runs after each change
	gets    int
	// fail holds the errors of single calls, such as "get work/0.1"; a call that is absent succeeds.
	fail map[string]error
}

var errBlown = errors.New("fuse blown")

func (f *fakeItems) get(name string) (string, error) {
	f.gets++
	if f.onGet != nil {
		f.onGet(name)
	}
	if err := f.fail["get "+name]; err != nil {
		return "", err
	}
	if text, ok := f.kept[name]; ok {
		return text, nil
	}
	return "", ErrNotFound
}

func (f *fakeItems) set(name, text string) error {
	if err := f.fail["set "+name]; err != nil {
		return err
	}
	return f.change(func() { f.kept[name] = text })
}

func (f *fakeItems) remove(name string) error {
	if err := f.fail["remove "+name]; err != nil {
		return err
	}
	return f.change(func() { delete(f.kept, name) })
}

func (f *fakeItems) change(do func()) error {
	f.changes++
	if f.fuse > 0 && f.changes >= f.fuse {
		return errBlown
	}
	if !f.deaf {
		do()
	}
	if f.changed != nil {
		f.changed()
	}
	return nil
}

func (f *fakeItems) names() []string { return slices.Sorted(maps.Keys(f.kept)) }

func newFake() *fakeItems { return &fakeItems{kept: make(map[string]string)} }

func data(size int, fill byte) []byte { return bytes.Repeat([]byte{fill}, size) }
