package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// openBrowser opens url with $BROWSER, a list of commands parted by ":" where %s stands for the URL, else with the
// desktop's opener. The program runs in a session of its own and is not waited for. It reports false when there is no
// browser to open.
func openBrowser(url string) (opened bool, err error) {
	// What a shell or an option parser could take for something else is never opened, wherever it came from.
	if !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://") {
		return false, fmt.Errorf("the provider's URL is not http, so no browser was opened")
	}
	commands, wanted := browserCommands(url, os.Getenv, runtime.GOOS)
	for _, argv := range commands {
		if err = startDetached(argv); err == nil {
			return true, nil
		}
	}
	if wanted && err != nil {
		return false, fmt.Errorf("no browser of $BROWSER can be started: %w", err)
	}
	return false, nil
}

// browserCommands returns what to try, in order. wanted is true when the person chose them.
func browserCommands(url string, getenv func(string) string, goos string) (commands [][]string, wanted bool) {
	if list := getenv("BROWSER"); list != "" {
		for entry := range strings.SplitSeq(list, string(os.PathListSeparator)) {
			argv := strings.Fields(entry)
			if len(argv) == 0 {
				continue
			}
			placed := false
			for i, arg := range argv {
				if strings.Contains(arg, "%s") {
					argv[i], placed = strings.ReplaceAll(arg, "%s", url), true
				}
			}
			if !placed {
				argv = append(argv, url)
			}
			commands = append(commands, argv)
		}
		return commands, true
	}
	switch goos {
	case "darwin":
		return [][]string{{"/usr/bin/open", url}}, false
	case "windows":
		return [][]string{{"rundll32", "url.dll,FileProtocolHandler", url}}, false
	}
	if getenv("DISPLAY") == "" && getenv("WAYLAND_DISPLAY") == "" {
		return nil, false
	}
	return [][]string{{"xdg-open", url}}, false
}

func startDetached(argv []string) error {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.SysProcAttr = ownSession()
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }() // only to reap it; it may outlive us
	return nil
}
