//go:build linux

package main

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"oauthd/ipc/api"
	"oauthd/keystore/storetest"
)

// imageRegistry serves the repository app. A program takes a user name and a password to the token service, and what it gets
// from there to the registry; the password is the newest token of the account hub, or what a person would have typed.
func imageRegistry(t *testing.T, d *clientDesk) (host string) {
	t.Helper()
	const (
		image, config = "application/vnd.docker.distribution.manifest.v2+json", `{"architecture":"amd64","os":"linux"}`
	)
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(config)))
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	host = strings.TrimPrefix(server.URL, "http://")
	pass := func(r *http.Request, password string) bool {
		newest, err := d.client.Token(r.Context(), api.TokenRequest{Account: "hub"})
		return err == nil && password == newest.AccessToken
	}
	mux.HandleFunc("GET /token", func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if (user != "ada@example.com" || !pass(r, password)) && (user != "ada" || password != "typed") {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = fmt.Fprint(w, `{"details":"wrong user name or password"}`)
			return
		}
		_, _ = fmt.Fprintf(w, `{"token":%q,"expires_in":300}`, "for-"+password)
	})
	mux.HandleFunc("GET /v2/", func(w http.ResponseWriter, r *http.Request) {
		password, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer for-")
		w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
		if !found || !pass(r, password) && password != "typed" {
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+server.URL+`/token",service="registry"`)
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = fmt.Fprint(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`)
			return
		}
		switch r.URL.Path {
		case "/v2/app/tags/list":
			_, _ = fmt.Fprint(w, `{"name":"app","tags":["of-the-registry"]}`)
		case "/v2/app/manifests/latest":
			w.Header().Set("Content-Type", image)
			_, _ = fmt.Fprintf(w, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":%d,"digest":%q},"layers":[]}`,
				image, len(config), digest)
		case "/v2/app/blobs/" + digest:
			_, _ = fmt.Fprint(w, config)
		case "/v2/":
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	return host
}

// registryClient is a program that asks the helper.
type registryClient struct {
	name  string
	look  string // at the repository of a host that follows, but for "/app"
	login string // to a host that follows
	found string // what it prints if it was let in
}

// The helper with real programs: a look at a registry, with the token replaced in between; a password that a person typed,
// which must not be lost in silence; nothing for other registries; and what a person sees if there is no token.
func TestDockerHelper(t *testing.T) {
	for _, program := range []registryClient{
		{"skopeo", "skopeo list-tags --tls-verify=false docker://", "skopeo login --tls-verify=false --authfile .docker/config.json ", "of-the-registry"},
		{"docker", "docker manifest inspect --insecure ", "docker login ", `"schemaVersion": 2`},
	} {
		t.Run(program.name, func(t *testing.T) {
			if _, err := exec.LookPath("docker"); err != nil && program.name == "docker" {
				t.Skip("the docker client is not installed; Debian has none without its daemon")
			}
			storetest.Need(t, program.name)
			testRegistryClient(t, program)
		})
	}
}

func testRegistryClient(t *testing.T, program registryClient) {
	d := newDesktop(t)
	provider := d.login(t, "hub")
	host := imageRegistry(t, d)
	elsewhere := strings.Replace(host, "127.0.0.1", "localhost", 1)
	d.allow(t, "hub", "http://"+host)
	// Without XDG_RUNTIME_DIR skopeo writes to /run/containers.
	vars := []string{"XDG_RUNTIME_DIR=" + d.dir, "OAUTHD_SOCK=" + d.socket(), "PATH=" + filepath.Join(d.dir, ".local", "bin") + ":" + os.Getenv("PATH")}
	shell := func(script string) (exit int, stdout, stderr string) {
		t.Helper()
		return d.run(t, vars, "sh", "-ec", script)
	}
	refused := func(script, want string) {
		t.Helper()
		if exit, stdout, stderr := shell(script); exit == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: got exit %d, %s%s, want a failure with %q", script, exit, stdout, stderr, want)
		}
	}
	config := `{"credHelpers":{"` + host + `":"oauthd"}}`
	if exit, stdout, stderr := shell("oauthd helper install docker --write; cat .docker/config.json"); exit != 0 || !strings.HasSuffix(strings.TrimSpace(stdout), "\n"+config) {
		t.Fatalf("install: got exit %d, %s%s, want %s", exit, stdout, stderr, config)
	}
	for range 2 {
		if exit, stdout, stderr := shell(program.look + host + "/app"); exit != 0 || !strings.Contains(stdout, program.found) || strings.Contains(stderr, "oauthd") {
			t.Fatalf("got exit %d, %s%s, want to be let in", exit, stdout, stderr)
		}
		d.replace(t, "hub")
	}
	refused("echo typed | "+program.login+"-u ada --password-stdin "+host, "oauthd stores no passwords")
	if exit, _, stderr := shell("oauthd helper install docker --write --host " + elsewhere); exit != 0 {
		t.Fatalf("install: got exit %d, %s", exit, stderr)
	}
	if exit, stdout, stderr := shell(program.look + elsewhere + "/app"); exit == 0 || strings.Contains(stderr, "oauthd") || !strings.Contains(stderr, "unauthorized") {
		t.Errorf("another registry: got exit %d, %s%s, want no more than its refusal", exit, stdout, stderr)
	}
	for _, o := range d.obstacles("hub", provider) {
		if err := o.put(t); err != nil {
			t.Fatal(err)
		}
		refused(program.look+host+"/app", o.want)
	}
	if exit, stdout, stderr := shell("oauthd helper uninstall docker; ls .local/bin; cat .docker/config.json"); exit != 0 || strings.TrimSpace(stdout) != "{}" {
		t.Errorf("uninstall: got exit %d, %q, %s, want nothing left", exit, stdout, stderr)
	}
}

// podman and skopeo have files of their own that name helpers: the ones that the page about containers shows.
func TestDockerHelperInFilesOfSkopeo(t *testing.T) {
	storetest.Need(t, "skopeo")
	d := newDesktop(t)
	d.login(t, "hub")
	host := imageRegistry(t, d)
	d.allow(t, "hub", "http://"+host)
	page, _ := findTopic("containers")
	line := `credential-helpers = ["containers-auth.json", "oauthd"]`
	if !strings.Contains(page.text, "\n"+line+"\n") || !strings.Contains(page.text, `{"credHelpers": {"registry.example.com": "oauthd"}}`) {
		t.Fatal("the page shows other lines")
	}
	script := `
		oauthd helper install docker --host unused.example.com --write
		export PATH=$HOME/.local/bin:$PATH
		! skopeo list-tags --tls-verify=false docker://` + host + `/app
		mkdir -p .config/containers
		echo '` + line + `' >.config/containers/registries.conf
		skopeo list-tags --tls-verify=false docker://` + host + `/app
		rm .config/containers/registries.conf
		mkdir containers
		echo '{"credHelpers": {"` + host + `": "oauthd"}}' >containers/auth.json
		skopeo list-tags --tls-verify=false docker://` + host + `/app`
	exit, stdout, stderr := d.run(t, []string{"XDG_RUNTIME_DIR=" + d.dir}, "sh", "-ec", script)
	if exit != 0 || strings.Count(stdout, "of-the-registry") != 2 || strings.Count(stderr, "unauthorized") != 1 {
		t.Errorf("got exit %d, %s%s, want to be let in twice", exit, stdout, stderr)
	}
}
