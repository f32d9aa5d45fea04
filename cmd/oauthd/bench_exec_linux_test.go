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

// BenchmarkExecFile runs true alone and below oauthd exec -e and -f in turn, with a real daemon. The figures are medians: what
// each takes longer than true alone, and how long the file of -f is still there after the end of true.
//
//	go test -run - -bench ExecFile -benchtime 200x ./cmd/oauthd
func BenchmarkExecFile(b *testing.B) {
	s := newScale(b, buildProgram(b), 1)
	s.start()
	s.login(0)
	files := filepath.Join(filepath.Dir(s.socket), "files")
	var bare, value, file, left []time.Duration
	run := func(took *[]time.Duration, argv ...string) {
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Env = s.env
		began := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%q: %v, %s", argv, err, out)
		}
		*took = append(*took, time.Since(began))
	}
	run(&file, s.program, "exec", "-f", "TOKEN="+accountName(0), "--", "true") // makes the directory
	gone := awaitDeparture(b, files)
	for b.Loop() {
		run(&bare, "true")
		run(&value, s.program, "exec", "-e", "TOKEN="+accountName(0), "--", "true")
		run(&file, s.program, "exec", "-f", "TOKEN="+accountName(0), "--", "true")
		left = append(left, gone.empties(b, files, time.Second))
	}
	median := func(took []time.Duration) float64 { return percentile(took, 50) / 1e6 }
	b.ReportMetric(median(bare), "bare-ms")
	b.ReportMetric(median(value)-median(bare), "+e-ms")
	b.ReportMetric(median(file)-median(bare), "+f-ms")
	b.ReportMetric(median(left), "left-ms")
	b.ReportMetric(percentile(left, 99)/1e6, "left-p99-ms")
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
