package keystore

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// fakeItems is a keychain in a map. With fuse > 0 the fuse-th change and all after it fail, as after a crash.
type fakeItems struct {
	kept    map[string]string
	fuse    int
	changes int
	deaf    bool // changes succeed and do nothing, as after a dismissed prompt
	onGet   func(name string)
}

var errBlown = errors.New("fuse blown")

func (f *fakeItems) get(name string) (string, error) {
	if f.onGet != nil {
		f.onGet(name)
	}
	if text, ok := f.kept[name]; ok {
		return text, nil
	}
	return "", ErrNotFound
}

func (f *fakeItems) set(name, text string) error {
	return f.change(func() { f.kept[name] = text })
}

func (f *fakeItems) remove(name string) error {
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
	return nil
}

func (f *fakeItems) names() []string { return slices.Sorted(maps.Keys(f.kept)) }

func newFake() *fakeItems { return &fakeItems{kept: make(map[string]string)} }

func data(size int, fill byte) []byte { return bytes.Repeat([]byte{fill}, size) }

func TestItemsOfARecord(t *testing.T) {
	f := newFake()
	steps := []struct {
		name string
		data []byte
		want []string
	}{
		{"small", []byte("small"), []string{"work"}},
		{"largest text of one item", data(itemBytes-3, 'x'), []string{"work"}},
		{"split", data(itemBytes-2, 'x'), []string{"work", "work/0.0", "work/0.1"}},
		{"split again, longer", data(5401, 0), []string{"work", "work/1.0", "work/1.1", "work/1.2", "work/1.3"}},
		{"split again, shorter", data(3600, 0), []string{"work", "work/0.0", "work/0.1"}},
		{"small again", []byte{0}, []string{"work"}},
	}
	for _, step := range steps {
		if err := writeRecord(f, "work", step.data); err != nil {
			t.Fatalf("%s: got %v, want nil", step.name, err)
		}
		if got := f.names(); !slices.Equal(got, step.want) {
			t.Errorf("%s: got items %q, want %q", step.name, got, step.want)
		}
		if got, err := readRecord(f, "work"); err != nil || !bytes.Equal(got, step.data) {
			t.Errorf("%s: got %d bytes, error %v, want %d bytes", step.name, len(got), err, len(step.data))
		}
		for name, text := range f.kept {
			if len(text) > itemBytes || !printable([]byte(text)) {
				t.Errorf("%s: item %s: got %d bytes, printable %v, want at most %d, printable",
					step.name, name, len(text), printable([]byte(text)), itemBytes)
			}
		}
	}
}

// After a crash at any change of a Put the old or the new record is there, whole; a later Put and Delete leave nothing.
func TestCrashAtEveryChange(t *testing.T) {
	sizes := []int{0, 10, 5000, 9000}
	for _, before := range sizes {
		for _, after := range sizes {
			for fuse := 1; ; fuse++ {
				name := fmt.Sprintf("%d to %d bytes, change %d", before, after, fuse)
				f := newFake()
				was, will := data(before, 0), data(after, 1)
				if err := writeRecord(f, "work", was); err != nil {
					t.Fatal(err)
				}
				f.fuse, f.changes = fuse, 0
				err := writeRecord(f, "work", will)
				blown := f.changes >= fuse
				got, readErr := readRecord(f, "work")
				switch {
				case readErr != nil:
					t.Errorf("%s: got %v, want a whole record", name, readErr)
				case err == nil && !bytes.Equal(got, will), err != nil && !bytes.Equal(got, was):
					t.Errorf("%s: got %d bytes, write error %v", name, len(got), err)
				}
				f.fuse = 0
				if fuse%2 == 0 {
					if err := writeRecord(f, "work", was); err != nil {
						t.Errorf("%s: write again: got %v, want nil", name, err)
					}
				}
				if err := deleteRecord(f, "work"); err != nil || len(f.kept) != 0 {
					t.Errorf("%s: delete: got %v and items %q, want none", name, err, f.names())
				}
				if !blown {
					break
				}
			}
		}
	}
}

func TestCrashInDelete(t *testing.T) {
	for fuse := 1; ; fuse++ {
		f := newFake()
		if err := writeRecord(f, "work", data(9000, 0)); err != nil {
			t.Fatal(err)
		}
		f.fuse, f.changes = fuse, 0
		err := deleteRecord(f, "work")
		if err == nil {
			break
		}
		if _, err := readRecord(f, "work"); fuse > 1 && !errors.Is(err, ErrNotFound) {
			t.Errorf("change %d: Get: got %v, want %v", fuse, err, ErrNotFound)
		}
		f.fuse = 0
		if err := deleteRecord(f, "work"); err != nil || len(f.kept) != 0 {
			t.Errorf("change %d: got %v and items %q, want none", fuse, err, f.names())
		}
	}
}

func TestDamage(t *testing.T) {
	tests := []struct {
		name   string
		damage func(kept map[string]string)
		want   string
	}{
		{"missing part", func(k map[string]string) { delete(k, "work/0.1") }, "part 2 of 3 is missing"},
		{"swapped parts", func(k map[string]string) { k["work/0.0"], k["work/0.1"] = k["work/0.1"], k["work/0.0"] }, "do not fit"},
		{"short part", func(k map[string]string) { k["work/0.2"] = k["work/0.2"][:8] }, "do not fit"},
		{"part not base64", func(k map[string]string) { k["work/0.2"] = "!" }, "part 3 of 3 is not base64"},
		{"foreign item", func(k map[string]string) { k["work"] = "hunter2" }, "oauthd did not write it"},
		{"empty item", func(k map[string]string) { k["work"] = "" }, "oauthd did not write it"},
		{"not base64", func(k map[string]string) { k["work"] = "b1:!" }, "not base64"},
		{"head not JSON", func(k map[string]string) { k["work"] = "s1:" }, "not JSON"},
		{"head asks for much", func(k map[string]string) {
			k["work"] = strings.NewReplacer(`"parts":3`, `"parts":3000000`).Replace(k["work"])
		}, "makes no sense"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFake()
			mixed := slices.Concat(data(1800, 0), data(1800, 1), data(1800, 2))
			if err := writeRecord(f, "work", mixed); err != nil {
				t.Fatal(err)
			}
			test.damage(f.kept)
			_, err := readRecord(f, "work")
			if !errors.Is(err, ErrDamaged) || errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("read: got %v, want %v that tells %q", err, ErrDamaged, test.want)
			}
			if strings.Contains(fmt.Sprint(err), "hunter2") {
				t.Error("read: the error quotes the item")
			}
			if err := writeRecord(f, "work", data(4000, 3)); err != nil {
				t.Errorf("write over it: got %v, want nil", err)
			}
			if got, err := readRecord(f, "work"); err != nil || !bytes.Equal(got, data(4000, 3)) {
				t.Errorf("read again: got %d bytes, error %v, want 4000", len(got), err)
			}
			if err := deleteRecord(f, "work"); err != nil || len(f.kept) != 0 {
				t.Errorf("delete: got %v and items %q, want none", err, f.names())
			}
		})
	}
}

// A reader between whose head and parts another process has written twice sees the new record, not a damaged one.
func TestReadDuringWrite(t *testing.T) {
	f := newFake()
	if err := writeRecord(f, "work", data(5000, 0)); err != nil {
		t.Fatal(err)
	}
	f.onGet = func(name string) {
		if name != "work/0.1" {
			return
		}
		f.onGet = nil
		for fill := range byte(2) {
			if err := writeRecord(f, "work", data(5000, 1+fill)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got, err := readRecord(f, "work"); err != nil || !bytes.Equal(got, data(5000, 2)) {
		t.Errorf("got %d bytes, error %v, want the last record", len(got), err)
	}
}

func TestReadBack(t *testing.T) {
	for _, size := range []int{10, 5000} {
		f := newFake()
		f.deaf = true
		if err := writeRecord(f, "work", data(size, 0)); !errors.Is(err, ErrUnavailable) {
			t.Errorf("write of %d bytes that is not kept: got %v, want %v", size, err, ErrUnavailable)
		}
		f.deaf = false
		if err := writeRecord(f, "work", data(size, 0)); err != nil {
			t.Fatal(err)
		}
		f.deaf = true
		if err := writeRecord(f, "work", data(size, 1)); !errors.Is(err, ErrUnavailable) {
			t.Errorf("overwrite of %d bytes that is not kept: got %v, want %v", size, err, ErrUnavailable)
		}
		if err := deleteRecord(f, "work"); !errors.Is(err, ErrUnavailable) {
			t.Errorf("delete of %d bytes that stay: got %v, want %v", size, err, ErrUnavailable)
		}
	}
}

func TestCheckSize(t *testing.T) {
	tests := []struct {
		name          string
		goos, service string
		size          int
		wantFull      bool
	}{
		{"small", "windows", "oauthd", 10, false},
		{"split", "windows", "oauthd", 20_000, false},
		{"long service on Windows", "windows", strings.Repeat("s", 512), 10, true},
		{"split on macOS", "darwin", "oauthd", 20_000, false},
		{"long service on macOS", "darwin", strings.Repeat("s", 1000), 20_000, true},
		{"long service, small record", "darwin", strings.Repeat("s", 1000), 10, false},
		{"most", "linux", "oauthd", maxBytes, false},
		{"too much", "linux", "oauthd", maxBytes + 1, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := checkSize(test.goos, test.service, "work", data(test.size, 0))
			if errors.Is(err, ErrFull) != test.wantFull || err != nil != test.wantFull {
				t.Errorf("got %v, want full: %v", err, test.wantFull)
			}
		})
	}
}

func FuzzReadRecord(f *testing.F) {
	f.Add("t1:text", "")
	f.Add("b1:AAECAw", "")
	f.Add(newHead(data(1, 0)).text(), "AA")
	f.Add(`s1:{"generation":7,"parts":-1,"bytes":1}`, "AA")
	f.Fuzz(func(t *testing.T, text, partText string) {
		fake := newFake()
		fake.kept["work"], fake.kept["work/0.0"] = text, partText
		got, err := readRecord(fake, "work")
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatalf("got %v, want %v", err, ErrDamaged)
			}
			return
		}
		if err := writeRecord(fake, "work", got); err != nil {
			t.Fatalf("write what was read: got %v, want nil", err)
		}
	})
}
