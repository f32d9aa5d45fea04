package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// BenchmarkExecProcess runs whole processes in turn: true alone, true below `oauthd exec`, and for comparison below what
// puts a token into the environment without it: a shell with `oauthd token`, env(1), and a Go program that does nothing
// else. The figures are medians: what each takes longer than true alone.
//
//	go test -run - -bench ExecProcess -benchtime 500x ./cmd/oauthd
func BenchmarkExecProcess(b *testing.B) {
	p := buildPrograms(b)
	d := newLineDaemon(b, nil, saying(`{"access_token":"`+benchToken+`","token_type":"Bearer","expires_in":3599,"account":"work"}`+"\n"))
	truth, err := exec.LookPath("true")
	if err != nil {
		b.Skip("needs true")
	}
	shell, err := exec.LookPath("sh")
	if err != nil {
		b.Skip("needs sh")
	}
	env := d.env("OAUTHD_SOCK="+d.socket, "PATH="+p.dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	contestants := []struct {
		name string
		argv []string
		took []time.Duration
	}{
		{name: "bare", argv: []string{truth}},
		{name: "oauthd-exec", argv: []string{p.oauthd, "exec", "-e", "TOKEN=work", "--", truth}},
		{name: "sh-token", argv: []string{shell, "-c", "TOKEN=$(oauthd token work) exec " + truth}},
		{name: "env", argv: []string{"/usr/bin/env", "TOKEN=" + benchToken, truth}},
		{name: "go-exec", argv: []string{buildExec(b), truth}},
	}
	for b.Loop() {
		for i := range contestants {
			c := &contestants[i]
			began := time.Now()
			pid, err := syscall.ForkExec(c.argv[0], c.argv, &syscall.ProcAttr{Env: env, Files: []uintptr{0, 1, 2}})
			if err != nil {
				b.Fatalf("%s: %v", c.name, err)
			}
			var status syscall.WaitStatus
			for {
				if _, err = syscall.Wait4(pid, &status, 0, nil); err != syscall.EINTR {
					break
				}
			}
			c.took = append(c.took, time.Since(began))
			if err != nil || status != 0 {
				b.Fatalf("%s: got %v, status %#x, want 0", c.name, err, status)
			}
		}
	}
	median := func(took []time.Duration) float64 {
		slices.Sort(took)
		return float64(took[len(took)/2].Microseconds())
	}
	bare := median(contestants[0].took)
	b.ReportMetric(bare, "bare-µs")
	for _, c := range contestants[1:] {
		b.ReportMetric(median(c.took)-bare, "+"+c.name+"-µs")
	}
}

// buildExec builds the least that a Go program can be which becomes another one.
func buildExec(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	source, program := filepath.Join(dir, "become.go"), filepath.Join(dir, "become")
	const text = "package main\n\nimport \"syscall\"\n\nfunc main() { _ = syscall.Exec(\"" +
		"/bin/true\", []string{\"true\"}, append(syscall.Environ(), \"TOKEN=x\")) }\n"
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	build(b, "go", "build", "-o", program, source)
	return program
}
