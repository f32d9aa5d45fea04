package main

import (
	"encoding/json"
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

const federationNode = `
const {GoogleAuth} = require("google-auth-library");
(async () => {
  const client = await new GoogleAuth({scopes: ["https://www.googleapis.com/auth/cloud-platform"]}).getClient();
  console.log((await client.getAccessToken()).token);
})().catch(err => { console.error(err.message); process.exit(1); });
`

const federationPython = `
import google.auth, google.auth.pluggable, google.auth.transport.requests, json, os, sys
if len(sys.argv) > 1:
    with open(os.environ["GOOGLE_APPLICATION_CREDENTIALS"]) as file:
        info = json.load(file)
    credentials = google.auth.pluggable.Credentials.from_info(info, interactive=True, scopes=["openid"])
else:
    credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
try:
    credentials.refresh(google.auth.transport.requests.Request())
except google.auth.exceptions.GoogleAuthError as e:
    sys.exit(str(e))
print(credentials.token)
`

// tokenService is Google's: it exchanges the newest ID token of the account hub for a token of its own, which has ended at
// once.
func tokenService(t *testing.T, d *clientDesk) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		newest, err := d.client.Token(r.Context(), api.TokenRequest{Account: "hub", IDToken: true})
		if err != nil || r.FormValue("subject_token") != newest.IDToken || r.FormValue("subject_token_type") != "urn:ietf:params:oauth:token-type:id_token" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"access_token":"let-in","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer","expires_in":1}`))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// federation writes a credential configuration as gcloud does, and returns its path.
func (d *clientDesk) federation(t *testing.T, account string) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"type": "external_account", "audience": "//iam.googleapis.com/locations/global/workforcePools/pool/providers/corp",
		"subject_token_type": "urn:ietf:params:oauth:token-type:id_token", "token_url": tokenService(t, d), "workforce_pool_user_project": "project",
		"credential_source": map[string]any{"executable": map[string]any{
			"command": "oauthd helper google-external " + account, "timeout_millis": 30000, "interactive_timeout_millis": 30000, "output_file": filepath.Join(d.dir, "answer"),
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(d.dir, account+".json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// pluggablePython returns a Python whose google-auth knows executables, and its environment: Debian 12's does not, gcloud
// brings both along.
func pluggablePython(t *testing.T) (python string, vars []string) {
	t.Helper()
	const gcloud = "/usr/lib/google-cloud-sdk/"
	python, vars = gcloud+"platform/bundledpythonunix/bin/python3", []string{"PYTHONPATH=" + gcloud + "lib/third_party"}
	cmd := exec.CommandContext(t.Context(), python, "-c", "import google.auth.pluggable, google.auth.transport.requests")
	cmd.Env = vars
	if err := cmd.Run(); err != nil {
		t.Skipf("gcloud's Python is not there, and Debian's google-auth knows no executables: %v", err)
	}
	return python, vars
}

// Google's own libraries with a federated identity: the ID token is exchanged, also after it was replaced; and what a person
// sees if there is none.
func TestGoogleExternalHelper(t *testing.T) {
	for _, library := range []struct {
		name string
		argv func(t *testing.T) (argv, vars []string)
	}{
		{"Go", func(t *testing.T) ([]string, []string) { return []string{"google-federated"}, nil }},
		{"Node", func(t *testing.T) ([]string, []string) {
			storetest.Need(t, "node")
			return []string{"node", "-e", federationNode}, []string{"NODE_PATH=" + nodePackages(t, "google-auth-library")}
		}},
		{"Python", func(t *testing.T) ([]string, []string) {
			python, vars := pluggablePython(t)
			return []string{python, "-W", "ignore", "-c", federationPython}, vars
		}},
		{"Python at a terminal", func(t *testing.T) ([]string, []string) {
			python, vars := pluggablePython(t)
			return []string{python, "-W", "ignore", "-c", federationPython, "interactive"}, vars
		}},
	} {
		t.Run(library.name, func(t *testing.T) {
			argv, vars := library.argv(t)
			d := newDesktop(t)
			provider := d.login(t, "hub")
			vars = append(vars, "OAUTHD_SOCK="+d.socket(), "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1", "GOOGLE_APPLICATION_CREDENTIALS="+d.federation(t, "hub"), "NO_PROXY=*", "GOOGLE_CLOUD_PROJECT=project")
			for range 2 {
				if exit, stdout, stderr := d.run(t, vars, argv...); exit != 0 || stdout != "let-in\n" || stderr != "" {
					t.Fatalf("got exit %d, %q, %s, want a token of Google's", exit, stdout, stderr)
				}
				d.replace(t, "hub")
				_ = os.Remove(filepath.Join(d.dir, "answer")) // which libraries take as long as the ID token lives
			}
			for _, o := range d.obstacles("hub", provider) {
				if err := o.put(t); err != nil {
					t.Fatal(err)
				}
				if exit, stdout, stderr := d.run(t, vars, argv...); exit == 0 || stdout != "" || !strings.Contains(stderr, o.want) {
					t.Errorf("%s: got exit %d, %q, %s, want %q", o.name, exit, stdout, stderr, o.want)
				}
			}
		})
	}
}
