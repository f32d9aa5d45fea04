package account

import (
	"strings"
	"testing"
)

func TestParseStorage(t *testing.T) {
	for _, tt := range []struct{ target, want string }{
		{"gs://bucket-1", "gs://bucket-1"},
		{"gs://bucket-1/", "gs://bucket-1"},
		{"gs://bucket-1/reports/2026", "gs://bucket-1/reports/2026"},
		{"gs://bucket-1/größe/", "gs://bucket-1/größe/"},
		{"gs://", ""},
		{"gs://ab", ""},
		{"gs:///reports", ""},
		{"gs://Bucket", ""},
		{"gs://bucket%2f", ""},
		{"gs://bucket'", ""},
		{"gs://" + strings.Repeat("b", 223), ""},
		{"gs://bucket/*.csv", ""},
		{"gs://bucket/it's", ""},
		{"gs://bucket/') || true || ('", ""},
		{`gs://bucket/a\`, ""},
		{"gs://bucket/a\n", ""},
		{"gs://bucket/" + strings.Repeat("p", 1025), ""},
		{"https://bucket/a", ""},
	} {
		s, err := ParseStorage(tt.target)
		if got := s.String(); err == nil && got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%q: got %q, %v; want %q", tt.target, got, err, tt.want)
		}
	}
}

func TestStorageCovers(t *testing.T) {
	for _, tt := range []struct {
		outer, inner string
		want         bool
	}{
		{"gs://bucket", "gs://bucket", true},
		{"gs://bucket", "gs://bucket/reports/", true},
		{"gs://bucket/reports/", "gs://bucket/reports/2026/", true},
		{"gs://bucket/rep", "gs://bucket/reports/", true},
		{"gs://bucket/reports/", "gs://bucket/reports", false},
		{"gs://bucket/reports/", "gs://bucket", false},
		{"gs://bucket", "gs://bucket-2", false},
		{"gs://bucket-2", "gs://bucket/reports/", false},
	} {
		outer, err := ParseStorage(tt.outer)
		if err != nil {
			t.Fatal(err)
		}
		inner, err := ParseStorage(tt.inner)
		if err != nil {
			t.Fatal(err)
		}
		if got := outer.Covers(inner); got != tt.want {
			t.Errorf("%s covers %s: got %t, want %t", outer, inner, got, tt.want)
		}
	}
}

func FuzzParseStorage(f *testing.F) {
	for _, seed := range []string{"gs://bucket/a b", "gs://bucket", "gs://bucket/'", "gs://x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		s, err := ParseStorage(target)
		if err != nil {
			return
		}
		again, err := ParseStorage(s.String())
		if err != nil || again != s {
			t.Errorf("%q: read again as %q, %v", target, again, err)
		}
		if strings.ContainsAny(s.Bucket+s.Prefix, "'\\\"") {
			t.Errorf("%q: has a character that ends a string", target)
		}
	})
}
