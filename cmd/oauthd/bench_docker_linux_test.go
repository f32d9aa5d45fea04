package main

import (
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// dockerC is docker-credential-oauthd get as far as a registry of Google's goes.
const dockerC = `
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv) {
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	char server[1024], text[8192], *token, *end;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), n;
	if (argc != 2 || strcmp(argv[1], "get")) return 2;
	if ((n = read(0, server, sizeof server - 1)) <= 0) return 1;
	server[n] = 0;
	server[strcspn(server, "\r\n")] = 0;
	strncpy(to.sun_path, getenv("OAUTHD_SOCK"), sizeof to.sun_path - 1);
	if (connect(fd, (struct sockaddr *)&to, sizeof to)) return 1;
	n = snprintf(text, sizeof text, "{\"account\":\"\",\"url\":\"%s\"}\n", server);
	if (write(fd, text, n) != n) return 1;
	if ((n = read(fd, text, sizeof text - 1)) <= 0) return 1;
	text[n] = 0;
	if (!(token = strstr(text, "\"access_token\":\""))) return 1;
	token += strlen("\"access_token\":\"");
	if (!(end = strchr(token, '"'))) return 1;
	*end = 0;
	printf("{\"ServerURL\":\"%s\",\"Username\":\"oauth2accesstoken\",\"Secret\":\"%s\"}\n", server, token);
	return 0;
}
`

// BenchmarkDockerHelperProcess runs docker-credential-oauthd get as whole processes, in turn with a program in C that does
// the same and with an empty Go program. The figures are medians, as multiples of the C program's.
//
//	go test -run - -bench DockerHelperProcess -benchtime 1000x ./cmd/oauthd
func BenchmarkDockerHelperProcess(b *testing.B) {
	p := buildPrograms(b)
	helper := filepath.Join(b.TempDir(), "docker-credential-oauthd")
	if err := os.Symlink(p.oauthd, helper); err != nil {
		b.Fatal(err)
	}
	server := filepath.Join(b.TempDir(), "server")
	if err := os.WriteFile(server, []byte("gcr.io"), 0o600); err != nil {
		b.Fatal(err)
	}
	d := newLineDaemon(b, nil, saying(`{"access_token":"`+benchToken+`","token_type":"Bearer","expires_in":3599,"account":"work"}`+"\n"))
	env := d.env("OAUTHD_SOCK=" + d.socket)
	want := `{"ServerURL":"gcr.io","Username":"oauth2accesstoken","Secret":"` + benchToken + `"}` + "\n"
	printed, stdout, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = printed.Close(); _ = stdout.Close() })
	buffer := make([]byte, 4096)
	run := func(program, want string) time.Duration {
		stdin, err := os.Open(server)
		if err != nil {
			b.Fatal(err)
		}
		defer stdin.Close()
		began := time.Now()
		pid, err := syscall.ForkExec(program, []string{program, "get"}, &syscall.ProcAttr{Env: env, Files: []uintptr{stdin.Fd(), stdout.Fd(), 2}})
		if err != nil {
			b.Fatal(err)
		}
		var status syscall.WaitStatus
		for {
			if _, err = syscall.Wait4(pid, &status, 0, nil); err != syscall.EINTR {
				break
			}
		}
		took := time.Since(began)
		if err != nil || status != 0 {
			b.Fatalf("%s: got %v, status %#x, want 0", program, err, status)
		}
		if want == "" {
			return took
		}
		if n, err := printed.Read(buffer); string(buffer[:n]) != want || err != nil {
			b.Fatalf("%s: got %q, %v, want %q", program, buffer[:n], err, want)
		}
		return took
	}
	c, empty := buildC(b, dockerC), buildEmpty(b)
	var helpers, cs, empties []time.Duration
	for b.Loop() {
		helpers, empties = append(helpers, run(helper, want)), append(empties, run(empty, ""))
		if c != "" {
			cs = append(cs, run(c, want))
		}
	}
	median := func(took []time.Duration) float64 { slices.Sort(took); return float64(took[len(took)/2]) }
	b.ReportMetric(median(helpers)/1e3, "helper-µs")
	b.ReportMetric(median(empties)/1e3, "empty-go-µs")
	if c != "" {
		b.ReportMetric(median(cs)/1e3, "C-µs")
		b.ReportMetric(median(helpers)/median(cs), "helper/C")
	}
}
