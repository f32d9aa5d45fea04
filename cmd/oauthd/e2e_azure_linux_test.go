package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oauthd/daemon/oauthtest"
)

const (
	vaultScope  = "https://vault.azure.net/.default"
	azureScope  = "https://management.azure.com/.default"
	absentScope = "https://storage.azure.com/.default"
)

// nodeAzure and pythonAzure get a token of each credential that they are given for each scope, and show what it is good for.
const nodeAzure = `
const identity = require("@azure/identity");
(async () => {
  const [, url, credentials, ...scopes] = process.argv;
  for (const name of credentials.split(","))
    for (const scope of scopes) {
      const {token, expiresOnTimestamp} = await new identity[name]().getToken(scope);
      const answer = await (await fetch(url, {headers: {Authorization: "Bearer " + token}})).json();
      console.log(name, answer.scope, Math.abs((expiresOnTimestamp - Date.now()) / 1000 - answer.expires_in) < 10);
    }
})().catch(err => { console.error(err.message); process.exit(1); });
`

const pythonAzure = `
import json, sys, time, urllib.request, azure.core.exceptions, azure.identity
url, credentials, *scopes = sys.argv[1:]
try:
    for name in credentials.split(","):
        for scope in scopes:
            token = getattr(azure.identity, name)().get_token(scope)
            request = urllib.request.Request(url, headers={"Authorization": "Bearer " + token.token})
            answer = json.load(urllib.request.urlopen(request))
            print(name, answer["scope"], abs(token.expires_on - time.time() - answer["expires_in"]) < 10)
except azure.core.exceptions.ClientAuthenticationError as err:
    sys.exit(str(err))
`

// needAzure skips a test if the library of that language is not installed, and returns the program's command line.
func needAzure(t *testing.T, s *seat, language string) []string {
	t.Helper()
	if language == "Node" {
		s.env = append(s.env, "NODE_PATH="+nodePackages(t, "@azure/identity"))
		return []string{"node", "-e", nodeAzure}
	}
	if _, err := os.Stat("/usr/lib/python3/dist-packages/azure/identity"); err != nil {
		needProgram(t, "python3-azure") // which is no program, and so not there
	}
	return []string{"/usr/bin/python3", "-W", "ignore", "-c", pythonAzure}
}

// withAzure has ada log in as work, with two resources.
func withAzure(t *testing.T) *seat {
	t.Helper()
	s := newSeat(t, oauthtest.Config{Scopes: []string{"openid", "email", "offline_access", vaultScope, azureScope, absentScope}})
	s.env = append(s.env, "BROWSER=agent allow %s", "AZURE_CLIENT_SECRET=z", "MSI_ENDPOINT=http://127.0.0.1:1")
	exit, _, stderr := s.run(t, "", "oauthd", "login", "work", "--issuer", s.provider.Issuer(), "--client-id", "native",
		"--scope", "openid", "--scope", vaultScope, "--scope", azureScope)
	if exit != 0 {
		t.Fatalf("log in: got exit status %d, %s", exit, stderr)
	}
	return s
}

// TestAzureLibraries has programs that know nothing of oauthd get tokens in each way that there is.
func TestAzureLibraries(t *testing.T) {
	names := []string{"ManagedIdentityCredential", "AzureCliCredential", "DefaultAzureCredential"}
	var want strings.Builder
	for _, name := range names {
		for _, scope := range []string{vaultScope, azureScope} {
			want.WriteString(name + " " + scope + " True\n")
		}
	}
	for _, language := range []string{"Node", "Python"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			s := withAzure(t)
			argv := append([]string{"oauthd", "exec", "--azure", "work", "--"}, needAzure(t, s, language)...)
			argv = append(argv, s.provider.Issuer()+"/api/hello", strings.Join(names, ","), vaultScope, azureScope)
			exit, stdout, stderr := s.run(t, "", argv...)
			if exit != 0 || strings.ReplaceAll(stdout, "true", "True") != want.String() || stderr != "" {
				t.Errorf("got exit status %d, %s%s, want\n%s", exit, stdout, stderr, &want)
			}
		})
	}
}

// TestAzureErrors looks at what programs show when there is no token. az says it to the library alone, which shows it; the
// server says it once on standard error too.
func TestAzureErrors(t *testing.T) {
	for _, language := range []string{"Node", "Python"} {
		for _, name := range []string{"ManagedIdentityCredential", "AzureCliCredential", "DefaultAzureCredential"} {
			for _, tt := range []struct {
				name    string
				trouble string
				scope   string
				message []string
			}{
				{"locked", "oauthd lock", vaultScope, []string{"oauthd is locked", "oauthd unlock"}},
				{"login needed", "oauthd logout work", vaultScope, []string{"work needs a login", "oauthd login work"}},
				{"outage", "oauthd token work --scope " + vaultScope + "; touch began; until test -e gone; do sleep 0.05; done", azureScope, []string{"you are still logged in; try again later"}},
				{"another resource", ":", absentScope, []string{"work was not granted " + absentScope, "oauthd login work --scope " + absentScope}},
			} {
				if name == "DefaultAzureCredential" && tt.name != "locked" {
					continue // it shows what the one before it says
				}
				t.Run(language+"/"+name+"/"+tt.name, func(t *testing.T) {
					t.Parallel()
					s := withAzure(t)
					argv := append(needAzure(t, s, language), "http://127.0.0.1:1", name, tt.scope)
					if tt.name == "outage" {
						go s.endProvider()
					}
					exit, stdout, stderr := s.run(t, "", append([]string{"oauthd", "exec", "--azure", "work", "--",
						"sh", "-c", "{ " + tt.trouble + `; } >/dev/null 2>&1; exec "$@"`, "sh"}, argv...)...)
					shows := 2
					if name == "AzureCliCredential" {
						shows = 1
					}
					for _, message := range tt.message {
						if exit != 1 || stdout != "" || strings.Count(stderr, message) < shows {
							t.Errorf("got exit status %d, %q, %s, want %q %d times", exit, stdout, stderr, message, shows)
						}
					}
				})
			}
		}
	}
}

// TestAz runs az itself, as scripts do.
func TestAz(t *testing.T) {
	s := withAzure(t)
	s.write(t, "real", "#!/bin/sh\necho \"the real $0: $*\"; exit 7\n")
	if err := os.Mkdir(filepath.Join(s.dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	token := func(scope string) string {
		_, stdout, _ := s.run(t, "", "oauthd", "token", "work", "--scope", scope)
		return stdout
	}
	for _, tt := range []struct {
		name, script, want, wantErr string
		exit                        int
	}{
		{"a token", "az account get-access-token --resource https://vault.azure.net --query accessToken -o tsv", token(vaultScope), "", 0},
		{"of the usual resource", "az account get-access-token --query accessToken -o tsv", token(azureScope), "", 0},
		{"an option of later", "az account get-access-token --frob", "", "--frob is not answered by oauthd", 2},
		{"another command", "PATH=${PATH%%:*}; az account show", "", "there is no az", 2},
		{"help", "PATH=${PATH%%:*}; az --help", "", "there is no az", 2},
		{"the real one", "PATH=${PATH%%:*}:" + s.dir + "/bin; az account show --query id", "the real " + s.dir + "/bin/az: account show --query id\n", "", 7},
		{"nothing but az", `ls "${PATH%%:*}"`, "az\n", "", 0},
		{"who", "echo $AZURE_TOKEN_CREDENTIALS $OAUTHD_AZURE_ACCOUNT $AZURE_CLIENT_SECRET$MSI_ENDPOINT", "prod work\n", "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "the real one" {
				if err := os.Rename(filepath.Join(s.dir, "real"), filepath.Join(s.dir, "bin", "az")); err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(filepath.Join(s.dir, "bin", "az"), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			exit, stdout, stderr := s.run(t, "", "oauthd", "exec", "--azure", "work", "--", "/bin/sh", "-c", tt.script)
			if exit != tt.exit || stdout != tt.want || !strings.Contains(stderr, tt.wantErr) || tt.wantErr == "" && stderr != "" {
				t.Errorf("got exit status %d, %d bytes, %s, want %d, %d bytes, %q", exit, len(stdout), stderr, tt.exit, len(tt.want), tt.wantErr)
			}
		})
	}
	s.env = append(s.env, "AZURE_TOKEN_CREDENTIALS=dev")
	exit, stdout, _ := s.run(t, "", "oauthd", "exec", "--azure", "work", "--", "sh", "-c", "echo $AZURE_TOKEN_CREDENTIALS; curl -sS $IDENTITY_ENDPOINT")
	if exit != 0 || !strings.HasPrefix(stdout, "dev\n") || !strings.Contains(stdout, "IDENTITY_HEADER") || strings.Contains(stdout, "access_token") {
		t.Errorf("got exit status %d, %q, want the choice that was made, and no token without the header", exit, stdout)
	}
	exit, stdout, stderr := s.run(t, "", "oauthd", "helper", "az", "--", "account", "get-access-token")
	if exit != 2 || stdout != "" || !strings.Contains(stderr, "management.azure.com") {
		t.Errorf("without an account: got exit status %d, %q, %s", exit, stdout, stderr)
	}
}
