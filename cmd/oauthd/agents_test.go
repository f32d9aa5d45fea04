package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

// settings are blocks of JSON or TOML on a page.
var settings = regexp.MustCompile("(?ms)^```(json|toml)\n(.*?)^```")

// TestAgentSettings reads what the page has for the files of agents and editors, and checks that oauthd would take every
// command line in it.
func TestAgentSettings(t *testing.T) {
	page, ok := findTopic("agents")
	if !ok {
		t.Fatal("there is no such page")
	}
	seen := map[string]int{}
	for _, block := range settings.FindAllStringSubmatch(page.text, -1) {
		var file map[string]any
		err := json.Unmarshal([]byte(block[2]), &file)
		if block[1] == "toml" {
			err = toml.Unmarshal([]byte(block[2]), &file)
		}
		if err != nil {
			t.Errorf("%v in\n%s", err, block[2])
			continue
		}
		for _, key := range []string{"mcpServers", "servers", "context_servers", "mcp_servers"} {
			servers, ok := file[key].(map[string]any)
			if !ok {
				continue
			}
			seen[key]++
			for name, server := range servers {
				line, err := commandOfServer(server)
				if err == nil {
					err = parses(line, true)
				}
				if err != nil {
					t.Errorf("%s %s: %v", key, name, err)
				}
			}
		}
	}
	for key, want := range map[string]int{"mcpServers": 2, "servers": 1, "context_servers": 1, "mcp_servers": 1} {
		if seen[key] != want {
			t.Errorf("got %d blocks with %s, want %d", seen[key], key, want)
		}
	}
}

// commandOfServer returns the arguments with which oauthd is run for one server of a file of settings.
func commandOfServer(server any) ([]string, error) {
	s, _ := server.(map[string]any)
	if hook, ok := s["headersHelper"].(string); ok {
		words := strings.Fields(hook)
		if s["type"] != "http" || s["url"] == "" || words[0] != "oauthd" || !slices.Contains(words, "headers") {
			return nil, fmt.Errorf("got %v, want a server with a hook for its headers", s)
		}
		return words[1:], nil
	}
	list, _ := s["args"].([]any)
	var args []string
	for _, a := range list {
		args = append(args, fmt.Sprint(a))
	}
	if s["command"] != "oauthd" || len(args) != 2 || args[0] != "mcp" {
		return nil, fmt.Errorf("got %v, want a bridge", s)
	}
	return args, nil
}
