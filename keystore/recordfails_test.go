package keystore

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

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
				t.Errorf("read: got %v, want %v that says %q", err, ErrDamaged, test.want)
			}
			if strings.Contains(fmt.Sprint(err), "hunter2") {
				t.Error("read: the error quotes the item")
			}
			if err := writeRecord(f, "work", data(4000, 3)); err != nil {
				t.Errorf("write over it: got %v, want nil", err)
			}
			h, err := parseHead(f.kept["work"])
			if want := 1 + h.Parts; err != nil || len(f.kept) != want {
				t.Errorf("write over it: got items %q, want a head and its parts", f.names())
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

// An item that cannot be read is not an item that is absent or damaged: the error is the keychain's, and nothing that
// could be wrong then is changed.
func TestItemsThatFail(t *testing.T) {
	read := func(f *fakeItems) error { _, err := readRecord(f, "work"); return err }
	write := func(size int) func(f *fakeItems) error {
		return func(f *fakeItems) error { return writeRecord(f, "work", data(size, 1)) }
	}
	remove := func(f *fakeItems) error { return deleteRecord(f, "work") }
	for _, tt := range []struct {
		name string
		fail string
		do   func(f *fakeItems) error
		same bool // the record is what it was
	}{
		{"read the head", "get work", read, true},
		{"read a part", "get work/0.1", read, true},
		{"write, look at the old head", "get work", write(10), true},
		{"write one item", "set work", write(10), true},
		{"write the first part", "set work/1.0", write(5000), true},
		{"write the last part", "set work/1.2", write(5000), true},
		{"write, read a part back", "get work/1.1", write(5000), true},
		{"write the head", "set work", write(5000), true},
		{"delete, look at the old head", "get work", remove, true},
		{"delete the head", "remove work", remove, true},
		{"delete a part", "remove work/0.1", remove, false},
		{"delete, look for parts", "get work/1.0", remove, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake()
			if err := writeRecord(f, "work", data(5000, 0)); err != nil {
				t.Fatal(err)
			}
			f.fail = map[string]error{tt.fail: errBlown}
			if err := tt.do(f); !errors.Is(err, errBlown) || errors.Is(err, ErrDamaged) || errors.Is(err, ErrNotFound) {
				t.Errorf("got %v, want %v", err, errBlown)
			}
			f.fail = nil
			got, err := readRecord(f, "work")
			if same := err == nil && bytes.Equal(got, data(5000, 0)); same != tt.same {
				t.Errorf("got the same record %t (%v), want %t", same, err, tt.same)
			}
			if err := deleteRecord(f, "work"); err != nil || len(f.kept) != 0 {
				t.Errorf("delete: got %v and items %q, want none", err, f.names())
			}
		})
	}
}

// A keychain that stops answering after a change has not confirmed it.
func TestReadBackFails(t *testing.T) {
	for _, tt := range []struct {
		name, item string
		do         func(f *fakeItems) error
	}{
		{"write", "work", func(f *fakeItems) error { return writeRecord(f, "work", data(10, 1)) }},
		{"delete the head", "work", func(f *fakeItems) error { return deleteRecord(f, "work") }},
		{"delete a part", "work/0.2", func(f *fakeItems) error { return deleteRecord(f, "work") }},
	} {
		f := newFake()
		if err := writeRecord(f, "work", data(5000, 0)); err != nil {
			t.Fatal(err)
		}
		f.changed = func() { f.fail = map[string]error{"get " + tt.item: errBlown} }
		if err := tt.do(f); !errors.Is(err, errBlown) {
			t.Errorf("%s: got %v, want %v", tt.name, err, errBlown)
		}
	}
}

// A keychain that stops answering before damage is certain has not shown any damage.
func TestReadAgainFails(t *testing.T) {
	f := newFake()
	if err := writeRecord(f, "work", data(5000, 0)); err != nil {
		t.Fatal(err)
	}
	delete(f.kept, "work/0.1")
	f.onGet = func(name string) {
		if name == "work/0.1" {
			f.fail = map[string]error{"get work": errBlown}
		}
	}
	if _, err := readRecord(f, "work"); !errors.Is(err, errBlown) || errors.Is(err, ErrDamaged) {
		t.Errorf("got %v, want %v", err, errBlown)
	}
}

// A record that changes under every reading is no damage: trying again is the way out.
func TestReadOfWhatKeepsChanging(t *testing.T) {
	for _, settles := range []bool{false, true} {
		f := newFake()
		fill := byte(0)
		next := func() {
			fill++
			if err := writeRecord(f, "work", data(5000, fill)); err != nil {
				t.Fatal(err)
			}
		}
		next()
		reads := 0
		inside := false
		f.onGet = func(name string) {
			if inside || name != "work/0.1" && name != "work/1.1" {
				return
			}
			reads++
			if settles && reads == 3 {
				return
			}
			inside = true
			next()
			next()
			inside = false
		}
		got, err := readRecord(f, "work")
		f.onGet = nil
		if settles && (err != nil || !bytes.Equal(got, data(5000, fill))) {
			t.Errorf("settles at the third reading: got %d bytes, %v, want the record", len(got), err)
		}
		if !settles && (!errors.Is(err, ErrUnavailable) || errors.Is(err, ErrDamaged) || reads != 3) {
			t.Errorf("got %v after %d readings, want %v after 3", err, reads, ErrUnavailable)
		}
	}
}
