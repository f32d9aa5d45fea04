package main

import (
	"context"
	"net/http"
	"os"
	"runtime"

	"oauthd/cmd/oauthd/helpers"
	"oauthd/ipc/client"
	msi "oauthd/ipc/emulate/azure"
	"oauthd/ipc/own"

	"github.com/spf13/pflag"
)

// azure serves CMD as an App Service of Azure's serves what runs on it: its libraries find a managed identity by their
// variables. For those that are told to run az instead, that one is in PATH.
type azure struct {
	msi.Config
}

var _ protocol = (*azure)(nil)

// flags implements [protocol].
func (*azure) flags(*pflag.FlagSet) {}

// prepare implements [protocol].
func (a *azure) prepare(_ context.Context, _ stdio, _ *client.Client, f *tokenFlags, account string) error {
	a.Request = f.of(account)
	a.Request.IDToken = false
	return nil
}

// serves implements [protocol].
func (*azure) serves() bool { return true }

// environment implements [protocol].
func (a *azure) environment(at endpoint) ([]string, error) {
	if err := linkAz(at.Dir); err != nil {
		return nil, emulationProblem(err)
	}
	path := at.Dir
	if rest := os.Getenv("PATH"); rest != "" {
		path += string(os.PathListSeparator) + rest
	}
	changes := []string{
		"IDENTITY_ENDPOINT=http://" + at.Address + msi.Path,
		"IDENTITY_HEADER=" + at.Secret,
		"PATH=" + path,
		helpers.AzureAccount + "=" + a.Request.Account,
		// With these, the libraries would take that for a server of another kind, or somebody else's tokens first.
		"IDENTITY_SERVER_THUMBPRINT", "IMDS_ENDPOINT", "MSI_ENDPOINT", "MSI_SECRET", "AZURE_POD_IDENTITY_AUTHORITY_HOST",
		"AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_USERNAME", "AZURE_PASSWORD", "AZURE_FEDERATED_TOKEN_FILE",
	}
	if os.Getenv("AZURE_TOKEN_CREDENTIALS") == "" {
		// No developer's tools. Every version that knows the variable knows this value; not all know a credential's name.
		changes = append(changes, "AZURE_TOKEN_CREDENTIALS=prod")
	}
	return changes, nil
}

// linkAz puts az into a directory: this program under that name.
func linkAz(path string) error {
	dir, err := own.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	if runtime.GOOS == "windows" { // where links need a right
		return dir.Replace("az.cmd", []byte("@\""+programPath()+"\" helper az -- %*\r\n"))
	}
	return dir.Symlink(programPath(), "az")
}

// handler implements [protocol].
func (a *azure) handler(at endpoint, c *client.Client, complain func(error)) http.Handler {
	return msi.New(a.Config, at.Secret, client.BearerTokens{Client: c}, complain)
}
