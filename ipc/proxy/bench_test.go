//go:build unix

package proxy_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"testing"
	"time"
)

// BenchmarkProxy compares the proxy with a plain httputil.ReverseProxy in front of the same server: a small answer one
// after another, from which the median is taken, and a megabyte.
func BenchmarkProxy(b *testing.B) {
	megabyte := make([]byte, 1<<20)
	answer := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("big") {
			_, _ = w.Write(megabyte)
			return
		}
		_, _ = io.WriteString(w, "hello")
	}
	up := httptest.NewServer(http.HandlerFunc(answer))
	defer up.Close()
	to, err := url.Parse(up.URL)
	if err != nil {
		b.Fatal(err)
	}
	plain := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }})
	defer plain.Close()
	ours := start(b, answer, nil)
	for _, way := range []struct{ name, url string }{
		{"direct", up.URL + "/"}, {"plain", plain.URL + "/"}, {"proxy", ours.URL + "/" + secret + "/"},
	} {
		b.Run("small/"+way.name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				fetch(b, way.url)
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
		})
		b.Run("megabyte/"+way.name, func(b *testing.B) {
			b.SetBytes(1 << 20)
			for b.Loop() {
				fetch(b, way.url+"?big")
			}
		})
	}
}

func fetch(b *testing.B, from string) {
	b.Helper()
	resp, err := http.Get(from)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		b.Fatalf("got %s, %v", resp.Status, err)
	}
}
