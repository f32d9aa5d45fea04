package main

import (
	"context"
	"io"
	"os"

	"oauthd/cmd/oauthd/screen"
)

// proxyHere returns the name of the variable that sets a proxy for https in this process's environment, or "".
func proxyHere() string {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy"} {
		if os.Getenv(name) != "" {
			return name
		}
	}
	return ""
}

// noteProxy says so if this command would reach the provider through a proxy and the daemon, which was started without
// one, could not.
func noteProxy(ctx context.Context, w io.Writer) {
	name := proxyHere()
	if name == "" {
		return
	}
	c := existing()
	defer c.Close()
	if s, err := c.Status(ctx); err != nil || s.Proxied {
		return
	}
	screen.Say(w, "note: %s is set here, and the daemon was started without it; oauthd stop, then run this command again\n", name)
}
