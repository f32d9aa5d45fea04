package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"oauthd/cmd/oauthd/process"
	"oauthd/cmd/oauthd/units"
	"oauthd/ipc/api"
)

// manager returns what starts daemons on this system, for this program.
func manager(env api.Environment) (units.Manager, error) {
	home, err := env.Home()
	if err != nil {
		return units.Manager{}, err
	}
	config, err := env.ConfigDir()
	if err != nil {
		return units.Manager{}, err
	}
	state, err := env.StateDir()
	if err != nil {
		return units.Manager{}, err
	}
	at := units.Places{Config: filepath.Dir(config), Home: home, State: state}
	p := units.Program{Path: programPath(), Log: filepath.Join(state, "daemon.log"), UID: strconv.Itoa(env.UID), OIDCAgent: oidcAgentWanted(config)}
	p.Environ = serviceEnviron(os.Environ())
	switch {
	case env.GOOS == "darwin":
		return units.Launchd(p, at), nil
	case env.GOOS == "windows":
		u, err := user.Current()
		if err != nil {
			return units.Manager{}, (&api.Error{Code: api.Internal, Message: "Windows does not say who you are"}).Because(err)
		}
		p.User = u.Username
		return units.Task(p, at), nil
	case bootedBySystemd(env):
		before := units.Systemd(units.Program{OIDCAgent: true}, at).Files
		if state, err := before[len(before)-1].State(); err == nil && state != units.Missing {
			p.OIDCAgent = true // until an uninstallation, which must find it
		}
		return units.Systemd(p, at), nil
	}
	return units.Autostart(p, at), nil
}

// bootedBySystemd reports whether the person has a systemd, or would have one if they had logged in.
func bootedBySystemd(env api.Environment) bool {
	for _, path := range []string{userManager(env), "/run/systemd/system"} { // sd_booted(3)
		if _, err := os.Lstat(path); err == nil {
			return true
		}
	}
	return false
}

// userManager is the socket of the person's own systemd.
func userManager(env api.Environment) string {
	return filepath.Join(filepath.Dir(filepath.Dir(env.SocketPath())), "systemd", "private")
}

// serviceEnviron returns the variables that a daemon started by the system lacks, and needs to be the same daemon. A
// proxy's password does not belong in a file that other programs show.
func serviceEnviron(environ []string) []string {
	exact := map[string]bool{
		"XDG_CONFIG_HOME": true, "XDG_STATE_HOME": true, "GOOGLE_APPLICATION_CREDENTIALS": true, "CLOUDSDK_CONFIG": true,
		"OAUTHD_PASSPHRASE_FILE": true,
	}
	var kept []string
	for _, entry := range process.Environ(environ) {
		name, value, _ := strings.Cut(entry, "=")
		proxy := strings.HasSuffix(strings.ToUpper(name), "_PROXY") && !strings.Contains(value, "@")
		if value != "" && (exact[name] || proxy || strings.HasPrefix(name, "SSL_CERT_") || strings.HasPrefix(name, "GCE_METADATA_")) {
			kept = append(kept, entry)
		}
	}
	return kept
}

// startInstalled has the system start the daemon, if a service is installed that would start this one. It reports false
// if there is none or if that failed.
func startInstalled(ctx context.Context, env api.Environment) bool {
	if os.Getenv("OAUTHD_SOCK") != "" || runtime.GOOS != env.GOOS {
		return false
	}
	m, err := manager(env)
	if err != nil || len(m.Start) == 0 {
		return false
	}
	if m.Name == "systemd" {
		if _, err := os.Lstat(userManager(env)); err != nil {
			return false
		}
	}
	for _, f := range m.Files {
		if _, err := os.Lstat(f.Path); err != nil {
			return false
		}
	}
	return runAll(ctx, m.Start) == nil
}

// runAll runs commands one after another, and returns the first one's error in its own words.
func runAll(ctx context.Context, commands [][]string) error {
	var first error
	for _, argv := range commands {
		var said bytes.Buffer
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := cmd.Run(); err != nil && first == nil {
			why, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
			first = (&api.Error{Code: api.Unsupported, Message: strings.Join(argv, " ") + " failed: " + api.Excerpt(strings.TrimSpace(why+" ("+err.Error()+")")),
				Hint: "oauthd doctor looks for the reason"}).Because(err)
		}
	}
	return first
}
