package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oauthd/daemon/oauthtest"
)

// withAWS has ada log in as work, with the scopes, and AWS trust her.
func withAWS(t *testing.T, scopes ...string) (*seat, *roleService) {
	t.Helper()
	s := newSeat(t, oauthtest.Config{})
	s.env = append(s.env, "BROWSER=agent allow %s")
	argv := []string{"oauthd", "login", "work", "--issuer", s.provider.Issuer(), "--client-id", "native"}
	for _, scope := range scopes {
		argv = append(argv, "--scope", scope)
	}
	if exit, _, stderr := s.run(t, "", argv...); exit != 0 {
		t.Fatalf("log in: got exit status %d, %s", exit, stderr)
	}
	return s, newRoleService(t, s)
}

// awsClients returns the aws clients of this machine, by path; Debian's has to be there.
func awsClients(t *testing.T) []string {
	t.Helper()
	needProgram(t, "aws")
	all := []string{"/usr/bin/aws"}
	if _, err := os.Stat(all[0]); err != nil {
		needProgram(t, "Debian's awscli") // which is no program, and so not there
	}
	if first, err := exec.LookPath("aws"); err == nil && first != all[0] && first != "/bin/aws" {
		all = append(all, first)
	}
	return all
}

const whoAmI = " sts get-caller-identity --query Arn --output text"

// TestAWSClient has the client, which knows nothing of oauthd, get a role in each way that there is.
func TestAWSClient(t *testing.T) {
	for _, client := range awsClients(t) {
		t.Run(client, func(t *testing.T) {
			t.Parallel()
			s, service := withAWS(t, "openid")
			s.env = append(s.env, "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=y", "AWS_PROFILE=nobody")
			const want = "arn:aws:sts::123456789012:assumed-role/deploy/work\n"
			role := slices.Clip([]string{"oauthd", "exec", "--aws", "work", "--role", roleARN, "--region", "eu-central-1"})
			exit, stdout, stderr := s.run(t, "", append(role, "--", "sh", "-c", "exec "+client+whoAmI)...)
			if exit != 0 || stdout != want || stderr != "" {
				t.Errorf("file: got exit status %d, %q, %s, want %q", exit, stdout, stderr, want)
			}
			exit, stdout, stderr = s.run(t, "", append(role, "--aws-container", "--", "sh", "-c", client+whoAmI+"; exec "+client+whoAmI)...)
			if exit != 0 || stdout != want+want || stderr != "" {
				t.Errorf("container: got exit status %d, %q, %s, want %q twice", exit, stdout, stderr, want)
			}
			if n := service.count(); n != 2 {
				t.Errorf("AWS was asked for the role %d times, want once for the file and once for all programs of the container", n)
			}
			awsProfile(t, s)
			exit, stdout, stderr = s.run(t, "", "env", "-u", "AWS_ACCESS_KEY_ID", "AWS_PROFILE=deploy", "sh", "-c", client+whoAmI)
			if exit != 0 || stdout != want || stderr != "" {
				t.Errorf("credential_process: got exit status %d, %q, %s, want %q", exit, stdout, stderr, want)
			}
		})
	}
}

// awsProfile writes a profile called deploy, which asks the helper.
func awsProfile(t *testing.T, s *seat) {
	t.Helper()
	oauthd, err := exec.LookPath("oauthd")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(s.home, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.write(t, filepath.Join("home", ".aws", "config"), "[profile deploy]\nregion = eu-central-1\ncredential_process = "+oauthd+" helper aws work --role "+roleARN+" --region eu-central-1\n")
}

// TestAWSErrors looks at what the client shows when there is no role to be had.
func TestAWSErrors(t *testing.T) {
	client := awsClients(t)[0]
	exec := []string{"oauthd", "exec", "--aws", "work", "--role", roleARN, "--region", "eu-central-1", "--aws-container", "--"}
	for way, argv := range map[string][]string{"container": exec, "helper": {"env", "AWS_PROFILE=deploy"}} {
		for _, tt := range []struct {
			name, trouble string
			message       []string
		}{
			{"locked", "oauthd lock", []string{"oauthd is locked", "oauthd unlock"}},
			{"login needed", "oauthd logout work", []string{"work needs a login", "oauthd login work"}},
			{"outage", ":", []string{"answered with status 503", "try again later"}},
		} {
			t.Run(way+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				s, service := withAWS(t, "openid")
				if tt.name == "outage" {
					service.setDown()
				}
				awsProfile(t, s)
				exit, stdout, stderr := s.run(t, "", append(slices.Clip(argv), "sh", "-c", tt.trouble+" >/dev/null 2>&1; exec "+client+whoAmI)...)
				for _, message := range tt.message {
					if exit == 0 || stdout != "" || !strings.Contains(stderr, message) {
						t.Errorf("got exit status %d, %q, %s, want %q", exit, stdout, stderr, message)
					}
				}
			})
		}
	}
}

// TestAWSProgramsThatGetNothing names what cannot be: nothing is started.
func TestAWSProgramsThatGetNothing(t *testing.T) {
	s, service := withAWS(t, "offline_access")
	for _, tt := range []struct {
		argv []string
		exit int
		want string
	}{
		{[]string{"--aws", "work"}, 2, "--aws wants to know which role"},
		{[]string{"--aws", "work", "--role", "deploy"}, 2, "deploy is not the ARN of a role"},
		{[]string{"--aws", "work", "--role", roleARN, "--region", "evil.example/"}, 2, "evil.example/ is not a region"},
		{[]string{"--aws", "work", "--role", roleARN}, 2, "--scope openid"},
		{[]string{"--aws", "work", "--role", roleARN, "--aws-container"}, 2, "--scope openid"},
		{[]string{"--aws", "home", "--role", roleARN}, 2, `there is no account "home"`},
	} {
		exit, stdout, stderr := s.run(t, "", append(append([]string{"oauthd", "exec"}, tt.argv...), "--", "echo", "started")...)
		if exit != tt.exit || stdout != "" || !strings.Contains(stderr, tt.want) {
			t.Errorf("%q: got exit status %d, %q, %s, want %d, %q", tt.argv, exit, stdout, stderr, tt.exit, tt.want)
		}
	}
	exit, stdout, stderr := s.run(t, "", "oauthd", "helper", "aws", "work", "--role", roleARN)
	if exit != 2 || stdout != "" || !strings.Contains(stderr, "--scope openid") {
		t.Errorf("helper: got exit status %d, %q, %s", exit, stdout, stderr)
	}
	if n := service.count(); n != 0 {
		t.Errorf("AWS was asked %d times", n)
	}
}
