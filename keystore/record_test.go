package keystore

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestItemsOfARecord(t *testing.T) {
	f := newFake()
	steps := []struct {
		name string
		data []byte
		want []string
	}{
		{"small", []byte("small"), []string{"work"}},
		{"largest text of one item", data(2397, 'x'), []string{"work"}},
		{"split", data(2398, 'x'), []string{"work", "work/0.0", "work/0.1"}},
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
			if odd := strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }); len(text) > 2400 || odd {
				t.Errorf("%s: item %s: got %d bytes, unprintable %v, want at most 2400, printable", step.name, name, len(text), odd)
			}
		}
	}
}

// Text stays readable in the keychain's own window; everything else is base64.
func TestEncodePlain(t *testing.T) {
	for _, tt := range []struct {
		data, want string
		ok         bool
	}{
		{"", "t1:", true},
		{" ~", "t1: ~", true},
		{"\x1f", "b1:Hw", true},
		{"\x7f", "b1:fw", true},
		{"a\n", "b1:YQo", true},
		{strings.Repeat("x", 2397), "t1:" + strings.Repeat("x", 2397), true},
		{strings.Repeat("x", 2398), "t1:" + strings.Repeat("x", 2398), false},
	} {
		if got, ok := encodePlain([]byte(tt.data)); got != tt.want || ok != tt.ok {
			t.Errorf("%.20q: got %.20q, fits %t, want %.20q, %t", tt.data, got, ok, tt.want, tt.ok)
		}
	}
}

// Each call to a keychain costs milliseconds, more with each thing the person stores there.
func TestCallsOfAnOperation(t *testing.T) {
	for _, tt := range []struct {
		name         string
		was, will    int // bytes; will is -1 for a delete
		gets, change int
	}{
		{"one item", 10, 20, 2, 1},
		{"one item, the first", -1, 20, 2, 1},
		{"split over one item", 10, 3000, 2 + 2 + 2, 3},                 // old, 2 parts and the head read back, looked for more
		{"one item over split", 3000, 20, 2 + 2 + 1 + 1, 3},             // old, read back, 2 parts removed, looked for more
		{"split over split", 3000, 3000, 2 + 2 + 2 + 1 + 1, 5},          // old, 3 read back, 2 removed, looked for more
		{"delete of split", 3000, -1, 2 + 2 + 1 + 1, 3},                 // as one item over split
		{"delete of one item", 10, -1, 2 + 2, 1},                        // and looked for parts of both generations
		{"delete of nothing", -1, -1, 2 + 2, 1},                         // a crash may have left parts
		{"split over split, longer", 3000, 5000, 2 + 3 + 2 + 1 + 1, 6},  // as split over split
		{"split over split, shorter", 5000, 3000, 2 + 2 + 3 + 1 + 1, 6}, // as split over split
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake()
			if tt.was >= 0 {
				if err := writeRecord(f, "work", data(tt.was, 0)); err != nil {
					t.Fatal(err)
				}
			}
			f.gets, f.changes = 0, 0
			var err error
			if tt.will < 0 {
				err = deleteRecord(f, "work")
			} else {
				err = writeRecord(f, "work", data(tt.will, 0))
			}
			if err != nil || f.gets != tt.gets || f.changes != tt.change {
				t.Errorf("got %v, %d gets and %d changes, want %d and %d", err, f.gets, f.changes, tt.gets, tt.change)
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
