package helpers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"oauthd/ipc/api"
	dialect "oauthd/ipc/dialect/docker"
	"oauthd/ipc/own"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/tidwall/gjson"
)

const (
	dockerProgram = "docker-credential-oauthd"
	dockerSuffix  = "oauthd" // what docker's configuration calls it
	dockerMember  = "credHelpers"
)

func docker() Helper {
	return Helper{
		Name: "docker", Program: dockerProgram,
		Use:   "get|store|erase|list|version",
		Short: "answer docker, podman and others that log in to registries",
		Long: `Answers the protocol of docker's credential helpers, which podman, skopeo, buildah, helm
and others speak too: an access token of the account whose hosts allow the registry
("oauthd match HOST" shows which). For any other registry they go on without one. It
stores no passwords. "oauthd help containers" has more.`,
		Args: cobra.ExactArgs(1),
		Serve: func(*pflag.FlagSet) func(context.Context, Call) error {
			return func(ctx context.Context, c Call) error {
				if c.Args[0] == "version" {
					_, err := fmt.Fprintf(c.Out, "%s (oauthd) %s\n", dockerProgram, c.Version)
					return err
				}
				err := dialect.Serve(ctx, c.Args[0], c.In, c.Out, c.Client)
				if errors.Is(err, dialect.ErrNotFound) {
					return Exit(1)
				}
				return err
			}
		},
		Steps: dockerSteps,
	}
}

func dockerSteps(at Place) ([]Step, error) {
	file, err := dockerConfig()
	if err != nil {
		return nil, err
	}
	hosts := at.Hosts
	if len(hosts) == 0 {
		hosts = dockerHosts(at, file)
	}
	steps := []Step{at.Link(dockerProgram)}
	for _, host := range hosts {
		steps = append(steps, &Member{File: file, Path: []string{dockerMember, host}, Value: dockerSuffix})
	}
	if len(hosts) == 0 {
		steps = append(steps, Note("docker asks for the registries that are named, or else for those in the hosts of accounts:\n"+
			"  oauthd helper install docker --host registry.example.com"))
	}
	return steps, nil
}

// dockerConfig is the path of docker's configuration.
func dockerConfig() (string, error) {
	dir := os.Getenv("DOCKER_CONFIG")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", &api.Error{Code: api.BadRequest, Message: "there is no home directory: " + err.Error(), Hint: "set HOME or DOCKER_CONFIG"}
		}
		dir = filepath.Join(home, ".docker")
	}
	return filepath.Abs(filepath.Join(dir, "config.json"))
}

// dockerHosts returns the registries that accounts have in their hosts, and those for which docker asks oauthd already.
func dockerHosts(at Place, file string) (hosts []string) {
	accounts, err := at.Accounts()
	if err == nil {
		for _, a := range accounts {
			hosts = append(hosts, dialect.Hosts(a)...)
		}
	}
	if config, err := own.OpenNamed(file, mostFile); err == nil {
		for host, helper := range gjson.GetBytes(config.Data, dockerMember).Map() {
			if helper.String() == dockerSuffix {
				hosts = append(hosts, host)
			}
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}
