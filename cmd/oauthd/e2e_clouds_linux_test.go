package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"oauthd/ipc/api"
)

// needTool skips the test unless a program is there that no package of Debian's has.
func needTool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed, and Debian has no package of it", name)
	}
}

// between returns the lines of a page of help that are between two texts, without either.
func between(t *testing.T, page, from, to string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("help", page+".md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), from)
	block, _, ends := strings.Cut(rest, to)
	if !found || !ends {
		t.Fatalf("help/%s.md has nothing between %q and %q", page, from, to)
	}
	return block
}

// cloud is a server that notes what is wrong with the requests it gets.
type cloud struct {
	*httptest.Server

	mu       sync.Mutex // guards the fields below
	asked    int
	problems []string
}

func newCloud(t *testing.T, answer func(r *http.Request) (text, problem string)) *cloud {
	t.Helper()
	c := &cloud{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, problem := answer(r)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.asked++
		if problem != "" {
			c.problems = append(c.problems, r.Method+" "+r.URL.Path+": "+problem)
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = w.Write([]byte(text))
	}))
	t.Cleanup(c.Close)
	return c
}

// wantAsked checks that the cloud was asked since the last time, and for nothing that it refused.
func (c *cloud) wantAsked(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asked == 0 || len(c.problems) > 0 {
		t.Errorf("got %d requests, and refused %q, want some and none", c.asked, c.problems)
	}
	c.asked = 0
}

// The recipes of the page about AWS: aws gives the ID token for the credentials of a role, and uses those. The server stands
// in for STS and S3.
func TestAWSRecipes(t *testing.T) {
	needTool(t, "aws")
	d := newDesktop(t)
	const arn = "arn:aws:iam::123456789012:role/deploy"
	amazon := newCloud(t, func(r *http.Request) (text, problem string) {
		if r.URL.Path == "/" && r.Method == http.MethodPost {
			token, err := d.client.Token(r.Context(), api.TokenRequest{Account: "work", IDToken: true})
			switch {
			case err != nil:
				return "", err.Error()
			case r.FormValue("Action") != "AssumeRoleWithWebIdentity" || r.FormValue("RoleArn") != arn:
				return "", "another request"
			case r.FormValue("WebIdentityToken") != token.IDToken:
				return "", "another token"
			}
			return fmt.Sprintf(`<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>AKIDEXAMPLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
<SessionToken>session</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339)), ""
		}
		if !strings.Contains(r.Header.Get("Authorization"), "Credential=AKIDEXAMPLE/") || r.Header.Get("X-Amz-Security-Token") != "session" {
			return "", "not with the role's credentials"
		}
		return `<ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Owner><ID>1</ID></Owner><Buckets>
<Bucket><Name>notes</Name><CreationDate>2026-01-01T00:00:00.000Z</CreationDate></Bucket></Buckets></ListAllMyBucketsResult>`, ""
	})
	env := []string{
		"OAUTHD_SOCK=" + d.socket(), "AWS_ENDPOINT_URL=" + amazon.URL, "AWS_DEFAULT_REGION=eu-west-1",
		"AWS_CONFIG_FILE=" + filepath.Join(d.dir, "aws.config"), "AWS_EC2_METADATA_DISABLED=true",
	}
	script := "oauthd exec --aws " + between(t, "aws", "\noauthd exec --aws ", "\n```")
	for range 2 {
		exit, stdout, stderr := d.run(t, env, "sh", "-c", strings.ReplaceAll(script, "--aws corp ", "--aws work "))
		if exit != 0 || !strings.Contains(stdout, "notes") {
			t.Fatalf("exec: got exit %d, %s%s, want the buckets", exit, stdout, stderr)
		}
		amazon.wantAsked(t)
		d.replace(t, "work")
	}

	file := filepath.Join(d.dir, "corp.token")
	command := strings.NewReplacer("corp ", "work ", "~/.aws/corp.token", file).Replace(between(t, "aws", "keeps fresh:\n\n```\n", "\n```"))
	if exit, _, stderr := d.run(t, env, "sh", "-c", command); exit != 0 {
		t.Fatalf("%s: got exit %d, %s", command, exit, stderr)
	}
	profile := "[profile deploy]\nrole_arn =" + strings.ReplaceAll(between(t, "aws", "[profile deploy]\nrole_arn =", "```"), "/home/ada/.aws/corp.token", file)
	if err := os.WriteFile(filepath.Join(d.dir, "aws.config"), []byte(profile), 0o600); err != nil {
		t.Fatal(err)
	}
	if exit, stdout, stderr := d.run(t, env, "aws", "--profile", "deploy", "s3", "ls"); exit != 0 || !strings.Contains(stdout, "notes") {
		t.Errorf("a profile: got exit %d, %s%s, want the buckets", exit, stdout, stderr)
	}
	amazon.wantAsked(t)
}

// The recipes of the page about Google that have gcloud in them.
func TestGcloudRecipes(t *testing.T) {
	needTool(t, "gcloud")
	d := newDesktop(t)
	google := newCloud(t, func(r *http.Request) (text, problem string) {
		token, err := d.client.Token(r.Context(), api.TokenRequest{Account: "work"})
		switch {
		case err != nil:
			return "", err.Error()
		case r.Header.Get("Authorization") != "Bearer "+token.AccessToken:
			return "", "another token"
		}
		answer, _ := json.Marshal(map[string]any{"projects": []map[string]string{
			{"projectId": "notes", "projectNumber": "1", "name": "notes", "lifecycleState": "ACTIVE"},
		}})
		return string(answer), ""
	})
	env := []string{
		"OAUTHD_SOCK=" + d.socket(), "CLOUDSDK_CONFIG=" + filepath.Join(d.dir, "gcloud"), "CLOUDSDK_CORE_DISABLE_PROMPTS=1",
		"CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER=" + google.URL + "/", "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=true",
		"CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=true",
	}
	list := "-- gcloud projects list"
	value := "oauthd exec -e " + between(t, "google", "oauthd exec -e ", list) + list
	file := "oauthd exec -f " + between(t, "google", "oauthd exec -f ", "-- gcloud") + list
	for _, command := range []string{value, file} {
		d.replace(t, "work")
		exit, stdout, stderr := d.run(t, env, "sh", "-c", command)
		if exit != 0 || !strings.Contains(stdout, "notes") {
			t.Errorf("%s: got exit %d, %s%s, want the projects", command, exit, stdout, stderr)
		}
		google.wantAsked(t)
	}
}
