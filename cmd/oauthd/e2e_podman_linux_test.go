package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"oauthd/keystore/storetest"
)

// testShow prints the token that a container was given.
const testShow = `package main

import (
	"fmt"
	"os"
)

func main() {
	text, _ := os.ReadFile(os.Getenv("TOKEN_FILE"))
	fmt.Print(os.Getenv("TOKEN"), string(text))
}
`

// The recipes of the page about containers, run by podman as root, whose user in the container is the one outside without
// --userns=keep-id. The mount namespace is for machines with both versions of cgroups at once, which crun refuses.
func TestPodmanRecipes(t *testing.T) {
	storetest.Need(t, "podman", "crun", "unshare")
	if os.Getuid() != 0 {
		t.Skip("needs root, for a mount namespace")
	}
	d := newDesktop(t)
	image := filepath.Join(d.dir, "image")
	for _, name := range []string{"image/proc", "image/dev", "image/tmp", "image/etc", "image/run", "bin", "tokens"} {
		if err := os.MkdirAll(filepath.Join(d.dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	const wrapper = `#!/bin/sh
shift
exec unshare -m --propagation private sh -c '
	mount -t cgroup2 none /sys/fs/cgroup || mount -t tmpfs none /sys/fs/cgroup
	exec /usr/bin/podman --root "$HOME/containers" --runroot "$HOME/running" --storage-driver vfs --cgroup-manager cgroupfs \
		--events-backend none run --rm --network none --cgroups=disabled --ulimit nofile=1024:1024 --ulimit nproc=1000:1000 "$@"
' sh "$@"
`
	err := errors.Join(os.WriteFile(filepath.Join(d.dir, "show.go"), []byte(testShow), 0o600),
		os.WriteFile(filepath.Join(d.dir, "bin", "podman"), []byte(wrapper), 0o700))
	if err != nil {
		t.Fatal(err)
	}
	for program, source := range map[string]string{"show": filepath.Join(d.dir, "show.go"), "oauthd": "."} {
		build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", filepath.Join(image, program), source)
		build.Env = append(os.Environ(), "CGO_ENABLED=0") // there are no libraries in the image
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("go build: %v\n%s", err, out)
		}
	}
	env := []string{"XDG_RUNTIME_DIR=" + d.dir, "PATH=" + filepath.Join(d.dir, "bin") + ":" + os.Getenv("PATH"), "OAUTHD_SOCK=" + d.socket()}
	show := "--rootfs " + image + " /show"
	for _, tt := range []struct{ name, command, run string }{
		{"the socket", "podman run --userns=keep-id " + between(t, "containers", "podman run --userns=keep-id ", "\n```"), "--rootfs " + image + " /oauthd token work"},
		{"a file", "oauthd file work ~/tokens/work" + between(t, "containers", "oauthd file work ~/tokens/work", "\n```"), show},
		{"the environment", "oauthd exec -e TOKEN=work -- podman" + between(t, "containers", "oauthd exec -e TOKEN=work -- podman", "\n```"), show},
	} {
		t.Run(tt.name, func(t *testing.T) {
			command := strings.NewReplacer("IMAGE", tt.run, "--userns=keep-id ", "").Replace(tt.command)
			for range 2 {
				exit, stdout, stderr := d.run(t, env, "sh", "-c", command)
				if token := d.token(t, false); exit != 0 || !strings.HasSuffix(strings.TrimSpace(stdout), token) {
					t.Fatalf("got exit %d, the token %t, %s", exit, strings.Contains(stdout, token), stderr)
				}
				d.replace(t, "work")
			}
		})
	}
}
