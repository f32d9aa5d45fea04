package kubectl

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Config returns a kubeconfig that has a user by that name, whose token comes from a command.
func Config(user string, command ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `apiVersion: v1
kind: Config
users:
- name: %s
  user:
    exec:
      apiVersion: %sv1
      interactiveMode: IfAvailable
      provideClusterInfo: true
      command: %s
      args:
`, quoted(user), group, quoted(command[0]))
	for _, arg := range command[1:] {
		fmt.Fprintf(&b, "      - %s\n", quoted(arg))
	}
	return b.String()
}

// quoted is text as a scalar of YAML, which takes JSON's strings.
func quoted(text string) string {
	b, _ := json.Marshal(text) // of a string
	return string(b)
}
