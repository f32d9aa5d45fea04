package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"oauthd/ipc/emulate"
)

// bareMetadata is a program that answers every request with the same token: what a metadata server costs at the least.
func bareMetadata() {
	l, err := emulate.Listen(context.Background())
	if err != nil {
		panic(err)
	}
	go func() {
		_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"access_token":"at-ABCDEFGHIJKLMNOPQRSTUVWXYZ","expires_in":3599,"token_type":"Bearer"}`+"\n")
		}))
	}()
	fmt.Println(l.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// BenchmarkMetadata asks the server of exec --google and a bare one for a token in turn, over kept connections and over
// new ones. All four parties are processes of their own but the daemon, which is in the client's.
//
//	go test -run - -bench Metadata -benchtime 3000x ./cmd/oauthd
func BenchmarkMetadata(b *testing.B) {
	c, _ := benchDaemon(b)
	const path = "/computeMetadata/v1/instance/service-accounts/default/token"
	contestants := []struct {
		name string
		argv []string
		url  string
	}{
		{"bare", []string{"bare-metadata"}, ""},
		{"oauthd", []string{"oauthd", "exec", "--google", "fast", "--", "sh", "-c", "echo $GCE_METADATA_HOST; cat >/dev/null"}, ""},
	}
	for i := range contestants {
		cmd := exec.Command(contestants[i].argv[0], contestants[i].argv[1:]...)
		cmd.Env = append(os.Environ(), "OAUTHD_SOCK="+c.Socket)
		cmd.Stderr = os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			b.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			b.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			_ = in.Close()
			_ = cmd.Wait()
		})
		address, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			b.Fatal(err)
		}
		contestants[i].url = "http://" + strings.TrimSpace(address) + path
	}
	for _, anew := range []bool{false, true} {
		name := "kept"
		if anew {
			name = "new"
		}
		b.Run(name, func(b *testing.B) {
			web := &http.Client{Transport: &http.Transport{DisableKeepAlives: anew}}
			times := make([][]time.Duration, len(contestants))
			for b.Loop() {
				for i, one := range contestants {
					began := time.Now()
					askMetadata(b, web, one.url)
					times[i] = append(times[i], time.Since(began))
				}
			}
			median := func(d []time.Duration) float64 { slices.Sort(d); return float64(d[len(d)/2].Microseconds()) }
			bare, ours := median(times[0]), median(times[1])
			b.ReportMetric(bare, "bare-p50-µs")
			b.ReportMetric(ours, "p50-µs")
			b.ReportMetric(ours/bare, "ratio")
		})
	}
}

func askMetadata(b *testing.B, web *http.Client, url string) {
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, url, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Metadata-Flavor", "Google")
	resp, err := web.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK {
		b.Fatalf("got %d, %s, %v", resp.StatusCode, body, err)
	}
}
