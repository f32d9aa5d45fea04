package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"oauthd/cmd/oauthd/process"
)

// openBrowser opens address with $BROWSER, a list of commands parted by ":" where %s stands for the URL, else with the
// desktop's opener. The program runs in a session of its own and is not waited for. It reports false when there is no
// browser to open.
func openBrowser(address string) (opened bool, err error) {
	if err := checkWebURL(address); err != nil {
		return false, err
	}
	commands, wanted := browserCommands(address, os.Getenv, runtime.GOOS)
	for _, argv := range commands {
		if err = startDetached(argv, nil); err == nil {
			return true, nil
		}
	}
	if wanted && err != nil {
		return false, fmt.Errorf("no browser of $BROWSER can be started: %w", err)
	}
	return false, nil
}

// checkWebURL refuses what is not a web page's address, wherever it came from: a shell or an option parser could take it
// for something else, and a desktop open it with another program.
func checkWebURL(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return errors.New("the provider's URL is not a web page's, so no browser was opened")
	case strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("the provider's URL has a character that no URL may have, so no browser was opened")
	}
	return nil
}

// browserCommands returns what to try, in order. wanted is true when the person chose them.
func browserCommands(address string, getenv func(string) string, goos string) (commands [][]string, wanted bool) {
	if list := getenv("BROWSER"); list != "" {
		for entry := range strings.SplitSeq(list, string(os.PathListSeparator)) {
			argv := strings.Fields(entry)
			if len(argv) == 0 {
				continue
			}
			placed := false
			for i, arg := range argv {
				if strings.Contains(arg, "%s") {
					argv[i], placed = strings.ReplaceAll(arg, "%s", address), true
				}
			}
			if !placed {
				argv = append(argv, address)
			}
			commands = append(commands, argv)
		}
		return commands, true
	}
	switch goos {
	case "darwin":
		return [][]string{{"/usr/bin/open", address}}, false
	case "windows":
		// By its path, because a program of that name could be in the working directory of another one.
		return [][]string{{getenv("SystemRoot") + `\System32\rundll32.exe`, "url.dll,FileProtocolHandler", address}}, false
	}
	if getenv("DISPLAY") == "" && getenv("WAYLAND_DISPLAY") == "" {
		return nil, false
	}
	return [][]string{{"xdg-open", address}}, false
}

// openInSession is openBrowser for a process outside the person's session, whose variables are in environ.
func openInSession(address string, environ []string) error {
	if err := checkWebURL(address); err != nil {
		return err
	}
	getenv := func(name string) (value string) {
		for _, entry := range environ {
			if v, ok := strings.CutPrefix(entry, name+"="); ok {
				value = v
			}
		}
		return value
	}
	err := errors.New("there is no browser to open")
	commands, _ := browserCommands(address, getenv, runtime.GOOS)
	for _, argv := range commands {
		if err = startDetached(outsideService(argv, getenv), environ); err == nil {
			return nil
		}
	}
	return err
}

// outsideService has systemd run argv if this process is a service of its: a browser that was this service's child would
// be hardened as it is, which some browsers do not start under, and would end with it.
func outsideService(argv []string, getenv func(string) string) []string {
	if os.Getenv("INVOCATION_ID") == "" { // systemd.exec(5)
		return argv
	}
	run := []string{"systemd-run", "--user", "--quiet", "--collect", "--no-block"}
	for _, name := range []string{"DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_ACTIVATION_TOKEN", "DESKTOP_STARTUP_ID"} {
		if getenv(name) != "" {
			run = append(run, "--setenv="+name)
		}
	}
	return append(append(run, "--"), argv...)
}

// startDetached starts a program that may outlive us; environ is its environment, nil for ours.
func startDetached(argv, environ []string) error {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = environ
	cmd.SysProcAttr = process.OwnSession()
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }() // only to reap it; it may outlive us
	return nil
}
