//go:build linux

package main

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"oauthd/cmd/oauthd/helpers"
	"oauthd/keystore/storetest"
)

// The helper terraform with the real program, at a module registry that takes the newest token of the account tf alone.
func TestTerraform(t *testing.T) {
	program, err := exec.LookPath("terraform")
	if err != nil {
		if program, err = exec.LookPath("tofu"); err != nil {
			t.Skip("neither terraform nor tofu is installed; no registry of packages has them")
		}
	}
	storetest.Need(t, "script")
	d := newDesktop(t)
	provider := d.login(t, "tf")
	file := tarball(t, map[string]string{"main.tf": "# hello\n"})
	server, cert := d.secured(t, func(w http.ResponseWriter, r *http.Request) {
		newest := d.newest(r, "tf")
		switch allowed := newest != "" && r.Header.Get("Authorization") == "Bearer "+newest; {
		case r.URL.Path == "/.well-known/terraform.json":
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"modules.v1":"/v1/modules/"}`)
		case r.URL.Path == "/hello.tgz": // Terraform sends no token there
			_, _ = w.Write(file)
		case !allowed:
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/v1/modules/ada/hello/none/versions":
			_, _ = io.WriteString(w, `{"modules":[{"versions":[{"version":"1.0.0"}]}]}`)
		case r.URL.Path == "/v1/modules/ada/hello/none/1.0.0/download":
			w.Header().Set("X-Terraform-Get", "/hello.tgz?archive=tar.gz")
			w.WriteHeader(http.StatusNoContent)
		default:
			http.NotFound(w, r)
		}
	})
	config := filepath.Join(d.dir, "terraformrc")
	const before = "# mine\ndisable_checkpoint = true"
	if err := os.WriteFile(config, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	vars := []string{
		"OAUTHD_SOCK=" + d.socket(), "SSL_CERT_FILE=" + cert, "CHECKPOINT_DISABLE=1", "HTTPS_PROXY=" + leadsTo(t, server), "TF_CLI_CONFIG_FILE=" + config,
	}
	sh := func(t *testing.T, script string) (exit int, screen string) {
		t.Helper()
		exit, screen, _ = d.run(t, vars, "script", "-qec", script, "/dev/null")
		if kinds := leaks(screen, true); len(kinds) > 0 {
			t.Errorf("%s shows %s", script, strings.Join(kinds, ", "))
		}
		return exit, screen
	}
	initialise := func(t *testing.T) (exit int, screen string) {
		t.Helper()
		project, err := os.MkdirTemp(d.dir, "project")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(project, "main.tf"), []byte("module \"hello\" {\n  source = \"tf.example.com/ada/hello/none\"\n}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		exit, screen = sh(t, helpers.Quoted(program, "-chdir="+project, "init", "-no-color"))
		_, err = os.Stat(filepath.Join(project, ".terraform", "modules", "hello", "main.tf"))
		if (exit == 0) != (err == nil) {
			t.Errorf("got exit %d, and the module: %v, %s", exit, err, screen)
		}
		return exit, screen
	}
	if exit, screen := sh(t, "oauthd helper install terraform --write"); exit != 0 {
		t.Fatalf("install: got exit %d, %s", exit, screen)
	}
	if exit, screen := initialise(t); exit == 0 || !strings.Contains(screen, "401 Unauthorized") || strings.Contains(screen, "hint: ") {
		t.Errorf("an unknown host: got exit %d, %s, want its own failure", exit, screen)
	}
	d.allow(t, "tf", "tf.example.com")
	for range 2 {
		if exit, screen := initialise(t); exit != 0 {
			t.Fatalf("got exit %d, %s", exit, screen)
		}
		d.replace(t, "tf")
	}
	if exit, screen := sh(t, helpers.Quoted(program, "logout", "tf.example.com")); exit == 0 || strings.Count(screen, "oauthd logout NAME") != 1 {
		t.Errorf("logout: got exit %d, %s, want to be told how, once", exit, screen)
	}
	for _, o := range d.obstacles("tf", provider) {
		t.Run(o.name, func(t *testing.T) {
			if err := o.put(t); err != nil {
				t.Fatal(err)
			}
			if exit, screen := initialise(t); exit == 0 || !strings.Contains(screen, o.want) || !strings.Contains(screen, "401 Unauthorized") {
				t.Errorf("got exit %d, %s, want its failure below %q", exit, screen, o.want)
			}
		})
	}
	if exit, screen := sh(t, "oauthd helper uninstall terraform"); exit != 0 {
		t.Fatalf("uninstall: got exit %d, %s", exit, screen)
	}
	if after, err := os.ReadFile(config); err != nil || string(after) != before+"\n" {
		t.Errorf("uninstall: got %v, %q, want what was there", err, after)
	}
}
