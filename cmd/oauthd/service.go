package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"oauthd/cmd/oauthd/screen"
	"oauthd/cmd/oauthd/units"
	"oauthd/ipc/api"
	"oauthd/ipc/client"

	"github.com/spf13/cobra"
)

func newService(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "service",
		Short: "have the system start the daemon",
		Long: `Has the system start the daemon: systemd when something first connects to its
socket, launchd and Windows at logon, other desktops by their autostart. Without it
the first command that needs a daemon starts one. "oauthd help service" says more.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return badRequest("service needs one of: install, uninstall, status", "oauthd service install has the system start the daemon")
		},
	}
	cmd.AddCommand(newServiceInstall(std), newServiceUninstall(std), newServiceStatus(std))
	return cmd
}

func newServiceInstall(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "install",
		Short: "write what the system needs to start the daemon, and switch it on",
		Long: `Writes what the system needs to start the daemon, and switches it on. Run it again
after the program has moved. A file that a person has changed is left as it is; put
changes to a unit into a drop-in (systemctl --user edit oauthd.service).`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := manager(client.DefaultEnvironment())
			if err != nil {
				return err
			}
			return installService(cmd.Context(), std, m)
		},
	}
}

func newServiceUninstall(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "uninstall",
		Short: "undo what service install did, and stop the daemon",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := manager(client.DefaultEnvironment())
			if err != nil {
				return err
			}
			return uninstallService(cmd.Context(), std, m)
		},
	}
}

func newServiceStatus(std stdio) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "show whether the system starts the daemon",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := manager(client.DefaultEnvironment())
			if err != nil {
				return err
			}
			s := lookAtService(cmd.Context(), m)
			if asJSON {
				return screen.JSON(std.out, s)
			}
			return printService(std, s)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// mustFit refuses to hand the daemon to m if m would start another one, or none.
func mustFit(env api.Environment, m units.Manager) error {
	if os.Getenv("OAUTHD_SOCK") != "" {
		return badRequest("OAUTHD_SOCK is set, and a daemon that the system starts listens in its usual place", "unset OAUTHD_SOCK")
	}
	if m.Name != "systemd" {
		return nil
	}
	if _, err := os.Lstat(userManager(env)); err != nil {
		return (&api.Error{Code: api.Unsupported, Message: "your own systemd does not run, or XDG_RUNTIME_DIR does not lead to it",
			Hint: "log in as this user, not by su or sudo, or run: loginctl enable-linger"}).Because(err)
	}
	return nil
}

func installService(ctx context.Context, std stdio, m units.Manager) error {
	env := client.DefaultEnvironment()
	if err := mustFit(env, m); err != nil {
		return err
	}
	if err := mustBeOurs(m); err != nil {
		return err
	}
	if m.Name == "systemd" { // the others find out by themselves that a daemon runs
		keep := "systemd"
		if state, err := m.Files[len(m.Files)-1].State(); err == nil && state == units.Missing {
			keep = "" // it does not have all the sockets
		}
		if err := stopOther(ctx, std, keep); err != nil {
			return err
		}
	}
	for _, f := range m.Files {
		if err := f.Write(); err != nil {
			return placeProblem(api.Excerpt(f.Path)+" cannot be written", err, "its directory must be yours and writable")
		}
		screen.Say(std.err, "oauthd: wrote %s\n", f.Path)
	}
	if m.Name == "launchd" { // which refuses an agent that it knows already
		_ = runAll(ctx, m.Stop)
	}
	if err := runAll(ctx, m.Install); err != nil {
		return err
	}
	screen.Say(std.err, "oauthd: %s\n", m.Note)
	return nil
}

func uninstallService(ctx context.Context, std stdio, m units.Manager) error {
	if err := mustBeOurs(m); err != nil {
		return err
	}
	installed := false
	for _, f := range m.Files {
		state, err := f.State()
		installed = installed || err == nil && state != units.Missing
	}
	if !installed {
		fmt.Fprintln(std.err, "oauthd: no service is installed")
		return nil
	}
	if err := stopOther(ctx, std, ""); err != nil {
		return err
	}
	stopping := runAll(ctx, m.Stop)
	for _, f := range m.Files {
		if err := f.Remove(); err != nil {
			return placeProblem(api.Excerpt(f.Path)+" cannot be removed", err, "remove it")
		}
		screen.Say(std.err, "oauthd: removed %s\n", f.Path)
	}
	_ = runAll(ctx, m.Forget)
	if stopping != nil {
		screen.Say(std.err, "oauthd: %s\n", stopping)
	}
	return nil
}

// mustBeOurs refuses to touch files that a person has changed, before anything is done.
func mustBeOurs(m units.Manager) error {
	for _, f := range m.Files {
		state, err := f.State()
		if err != nil {
			return placeProblem(api.Excerpt(f.Path)+" cannot be read", err, "its directory must be yours and writable")
		}
		if state == units.Edited {
			return (&api.Error{Code: api.ConfigInvalid, Message: api.Excerpt(f.Path) + " " + units.ErrEdited.Error() + ", so it stays as it is",
				Hint: "move it away first; changes belong in a drop-in (systemctl --user edit oauthd.service)"}).Because(units.ErrEdited)
		}
	}
	return nil
}

// stopOther stops a daemon that runs and was not started by keep. One whose store is in memory is left alone, and then
// the error says so.
func stopOther(ctx context.Context, std stdio, keep string) error {
	c := existing()
	defer c.Close()
	s, err := c.Status(ctx)
	if errors.Is(err, &api.Error{Code: api.NoDaemon}) || err == nil && keep != "" && s.StartedBy == keep {
		return nil
	}
	if err != nil {
		return err
	}
	if s.Store.Backend == "memory" && anyReady(s.Accounts) {
		return &api.Error{Code: api.Busy, Message: fmt.Sprintf("the daemon that runs (pid %d) has credentials in memory only, and must end first", s.PID),
			Hint: "oauthd stop ends it, and they are lost"}
	}
	if err := c.Shutdown(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if err := waitEnded(ctx, s); err != nil {
		return err
	}
	fmt.Fprintf(std.err, "oauthd: the daemon that ran (pid %d) has ended\n", s.PID)
	return nil
}

func anyReady(accounts []api.Account) bool {
	for _, a := range accounts {
		if a.State == api.StateReady {
			return true
		}
	}
	return false
}

// serviceReport is what service status shows.
type serviceReport struct {
	Manager   string        `json:"manager"`
	Installed bool          `json:"installed"`
	Active    bool          `json:"active"`
	Files     []serviceFile `json:"files"`
}

type serviceFile struct {
	Path  string `json:"path"`
	State string `json:"state"`
}

// lookAtService finds out what m has of what an installation would make.
func lookAtService(ctx context.Context, m units.Manager) serviceReport {
	r := serviceReport{Manager: m.Name, Installed: true}
	words := map[units.State]string{
		units.Missing: "missing", units.Current: "installed", units.Edited: "changed by hand",
		units.Other: "out of date: oauthd service install brings it up to date",
	}
	for _, f := range m.Files {
		state, err := f.State()
		word := words[state]
		if err != nil {
			word = "not to be read: " + api.Excerpt(err.Error())
		}
		r.Installed = r.Installed && err == nil && state != units.Missing
		r.Files = append(r.Files, serviceFile{Path: f.Path, State: word})
	}
	r.Active = r.Installed
	if r.Installed && m.Show != nil {
		r.Active = runAll(ctx, [][]string{m.Show}) == nil
	}
	return r
}

func printService(std stdio, r serviceReport) error {
	state := "not installed; oauthd service install has " + r.Manager + " start the daemon"
	switch {
	case r.Active:
		state = "installed and active"
	case r.Installed:
		state = "installed, but not active; oauthd service install switches it on"
	}
	rows := [][]string{{"service", state}, {"by", r.Manager}}
	for _, f := range r.Files {
		rows = append(rows, []string{"file", f.Path + " (" + f.State + ")"})
	}
	return screen.Facts(std.out, rows)
}
