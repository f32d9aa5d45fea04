package main

import (
	"cmp"
	"context"
	"net/http"
	"os"
	"path/filepath"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/client"
	"oauthd/ipc/emulate/gce"

	"github.com/spf13/pflag"
)

// google serves CMD as Google's metadata server does, which its libraries and gcloud find by their variables.
type google struct {
	gce.Config
	QuotaProject string `json:"quota_project,omitempty"`
}

var _ protocol = (*google)(nil)

// flags implements [protocol].
func (g *google) flags(flags *pflag.FlagSet) {
	flags.StringVar(&g.QuotaProject, "google-project", "", "project `ID` is the one that --google's CMD works in, and whose quota it uses")
}

// prepare implements [protocol].
func (g *google) prepare(ctx context.Context, std stdio, c *client.Client, f *tokenFlags, account string) error {
	known, err := c.Account(ctx, account)
	if err != nil {
		return err
	}
	g.Request = f.of(account)
	g.Request.IDToken = false
	g.Email, g.Scopes = known.Email, known.ScopesGranted
	g.Project = cmp.Or(g.QuotaProject, os.Getenv("GOOGLE_CLOUD_PROJECT"), os.Getenv("CLOUDSDK_CORE_PROJECT"), os.Getenv("GCLOUD_PROJECT"))
	g.Universe = os.Getenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN")
	if path := wellKnownCredentials(); path != "" {
		screen.Say(std.err, "note: %s is there, and Google's libraries for Go and Node take it before they take %s's tokens\n", path, account)
	}
	return nil
}

// wellKnownCredentials returns the path of the credentials that gcloud saves for the libraries, or "". Some libraries look
// there whatever CLOUDSDK_CONFIG says.
func wellKnownCredentials() string {
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	path := filepath.Join(home, ".config", "gcloud", "application_default_credentials.json")
	if appData := os.Getenv("APPDATA"); appData != "" {
		path = filepath.Join(appData, "gcloud", "application_default_credentials.json")
	}
	if _, err := os.Lstat(path); err != nil {
		return ""
	}
	return path
}

// serves implements [protocol].
func (*google) serves() bool { return true }

// environment implements [protocol].
func (g *google) environment(at endpoint) ([]string, error) {
	root := at.Address + prefixOf(at)
	changes := []string{
		"GCE_METADATA_HOST=" + root,
		"GCE_METADATA_IP=" + root,
		"GCE_METADATA_ROOT=" + root,
		"METADATA_SERVER_DETECTION=assume-present", // Node's library need not probe
		"NO_GCE_CHECK",
		"GOOGLE_APPLICATION_CREDENTIALS",
		// gcloud remembers for ten minutes that it is on no machine of Google's, and an account of its own goes first.
		"CLOUDSDK_CONFIG=" + at.Dir,
		"CLOUDSDK_ACTIVE_CONFIG_NAME",
		"CLOUDSDK_CORE_ACCOUNT",
		"CLOUDSDK_AUTH_ACCESS_TOKEN",
		"CLOUDSDK_AUTH_ACCESS_TOKEN_FILE",
		"CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE",
	}
	if g.Project != "" {
		changes = append(changes, "GOOGLE_CLOUD_PROJECT="+g.Project)
	}
	if g.QuotaProject != "" {
		changes = append(changes, "GOOGLE_CLOUD_QUOTA_PROJECT="+g.QuotaProject, "CLOUDSDK_CORE_PROJECT="+g.QuotaProject)
	}
	return changes, nil
}

// handler implements [protocol].
func (g *google) handler(at endpoint, c *client.Client, complain func(error)) http.Handler {
	h := http.Handler(gce.New(g.Config, client.BearerTokens{Client: c}, complain))
	if prefix := prefixOf(at); prefix != "" {
		return http.StripPrefix(prefix, h)
	}
	return h
}

// prefixOf returns the secret that begins every path where the system does not tell which process asks; else "". Node's
// library drops a path, and finds nothing then.
func prefixOf(at endpoint) string {
	if at.Checked {
		return ""
	}
	return "/" + at.Secret
}
