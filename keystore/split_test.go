package keystore

import (
	"errors"
	"strings"
	"testing"
)

// The head names its parts by the record's own name: copied to another name it finds none, or parts that do not fit.
func TestHeadUnderAnotherName(t *testing.T) {
	f := newFake()
	for name, fill := range map[string]byte{"work": 0, "home": 1, "small": 2} {
		size := 5000
		if name == "small" {
			size = 10
		}
		if err := writeRecord(f, name, data(size, fill)); err != nil {
			t.Fatal(err)
		}
	}
	f.kept["home"], f.kept["small"] = f.kept["work"], f.kept["work"]
	for _, name := range []string{"home", "small"} {
		if _, err := readRecord(f, name); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: got %v, want %v", name, err, ErrDamaged)
		}
	}
}

func TestParseHead(t *testing.T) {
	sum := strings.Repeat("0", 64)
	for _, tt := range []struct {
		name, head string
		ok         bool
	}{
		{"smallest", `{"generation":0,"parts":1,"bytes":1,"sha256":"` + sum + `"}`, true},
		{"largest", `{"generation":1,"parts":40,"bytes":72000,"sha256":"` + sum + `"}`, true},
		{"too large", `{"generation":1,"parts":41,"bytes":72001,"sha256":"` + sum + `"}`, false},
		{"empty", `{"generation":0,"parts":0,"bytes":0,"sha256":"` + sum + `"}`, false},
		{"negative", `{"generation":0,"parts":0,"bytes":-1,"sha256":"` + sum + `"}`, false},
		{"generation below", `{"generation":-1,"parts":1,"bytes":1,"sha256":"` + sum + `"}`, false},
		{"generation above", `{"generation":2,"parts":1,"bytes":1,"sha256":"` + sum + `"}`, false},
		{"a part too few", `{"generation":0,"parts":1,"bytes":1801,"sha256":"` + sum + `"}`, false},
		{"a part too many", `{"generation":0,"parts":2,"bytes":1800,"sha256":"` + sum + `"}`, false},
		{"short sum", `{"generation":0,"parts":1,"bytes":1,"sha256":"` + sum[1:] + `"}`, false},
		{"text after it", `{"generation":0,"parts":1,"bytes":1,"sha256":"` + sum + `"}x`, false},
	} {
		h, err := parseHead("s1:" + tt.head)
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: got %v, want ok %t", tt.name, err, tt.ok)
		}
		if tt.ok && h.text() != "s1:"+tt.head {
			t.Errorf("%s: got %s, want it written as it was read", tt.name, h.text())
		}
	}
}

func TestCheckSize(t *testing.T) {
	// security(1) reads lines of at most 4,096 bytes; 54 of them and the base64 of the text are go-keyring's.
	macOS := func(text, name int) int { return 4096 - 54 - name - (text+2)/3*4 }
	tests := []struct {
		name, goos string
		service    int // bytes of its name
		size       int
		wantFull   bool
	}{
		{"small", "windows", 6, 10, false},
		{"split", "windows", 6, 20_000, false},
		{"longest service on Windows", "windows", 511, 10, false},
		{"long service on Windows", "windows", 512, 10, true},
		{"long service elsewhere", "linux", 5000, 10, false},
		{"split on macOS", "darwin", 6, 20_000, false},
		{"longest service on macOS, split", "darwin", macOS(2400, len("work/0.40")), 20_000, false},
		{"too long a service on macOS, split", "darwin", macOS(2400, len("work/0.40")) + 1, 20_000, true},
		{"longest service on macOS, 3 bytes", "darwin", macOS(6, 4), 3, false},
		{"too long a service on macOS, 3 bytes", "darwin", macOS(6, 4) + 1, 3, true},
		{"longest service on macOS, 4 bytes", "darwin", macOS(7, 4), 4, false},
		{"too long a service on macOS, 4 bytes", "darwin", macOS(7, 4) + 1, 4, true},
		{"longest service on macOS, 5 bytes", "darwin", macOS(8, 4), 5, false},
		{"too long a service on macOS, 5 bytes", "darwin", macOS(8, 4) + 1, 5, true},
		{"most", "linux", 6, 72_000, false},
		{"too much", "linux", 6, 72_001, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := checkSize(test.goos, strings.Repeat("s", test.service), "work", data(test.size, 'x'))
			if errors.Is(err, ErrFull) != test.wantFull || err != nil != test.wantFull {
				t.Errorf("got %v, want full: %v", err, test.wantFull)
			}
		})
	}
}

// What parseHead accepts is what newHead makes: small enough to read, and written as it was read.
func FuzzParseHead(f *testing.F) {
	f.Add(newHead(data(5000, 0)).text())
	f.Add(`s1:{"generation":1,"parts":1,"bytes":1,"sha256":"0000000000000000000000000000000000000000000000000000000000000000"}`)
	f.Add(`s1:{"PARTS":1}`)
	f.Add("t1:{}")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parseHead(text)
		if err != nil {
			if !errors.Is(err, ErrDamaged) || len(text) > 20 && strings.Contains(err.Error(), text) {
				t.Errorf("got %v, want %v that does not quote the head", err, ErrDamaged)
			}
			return
		}
		if h.Bytes < 1 || h.Bytes > 72_000 || h.Parts < 1 || h.Parts > 40 || h.Generation != 0 && h.Generation != 1 {
			t.Errorf("got a head of %d bytes in %d parts of generation %d", h.Bytes, h.Parts, h.Generation)
		}
		if again, err := parseHead(h.text()); err != nil || again != h {
			t.Errorf("written and read again: got %v", err)
		}
	})
}
