//go:build linux

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What the page about Kubernetes has kubectl run prints an ExecCredential.
func TestKubernetesRecipe(t *testing.T) {
	d := newDesktop(t)
	page, err := os.ReadFile(filepath.Join(moduleRoot(t), "cmd", "oauthd", "help", "kubernetes.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, script, _ := strings.Cut(string(page), "      - |\n")
	script, _, found := strings.Cut(script, "```")
	if !found {
		t.Fatal("the page has no script")
	}
	script = strings.NewReplacer("corp --id-token", "work").Replace(script)
	exit, stdout, stderr := d.run(t, []string{"OAUTHD_SOCK=" + d.socket()}, "sh", "-c", script)
	var credential struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Status     struct {
			Token string `json:"token"`
		} `json:"status"`
	}
	if err := json.Unmarshal([]byte(stdout), &credential); err != nil || exit != 0 {
		t.Fatalf("got exit %d, %v, %s", exit, err, stderr)
	}
	if credential.APIVersion != "client.authentication.k8s.io/v1" || credential.Kind != "ExecCredential" || credential.Status.Token != d.token(t, false) {
		t.Error("got another credential than the token of work")
	}
	exit, stdout, stderr = d.run(t, []string{"OAUTHD_SOCK=" + d.socket()}, "sh", "-c", strings.ReplaceAll(script, "token work", "token gone"))
	if exit != 3 || stdout != "" || !strings.Contains(stderr, "oauthd login gone") {
		t.Errorf("without a login: got exit %d, %q, %q; want 3, nothing, and how to log in", exit, stdout, stderr)
	}
}
