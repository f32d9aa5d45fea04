package main

import (
	_ "embed"

	"github.com/spf13/cobra"
)

// clientsPage is plain text of 80 columns, and a txtar archive whose files a test runs.
//
//go:embed clients.txt
var clientsPage string

// newClientsPage returns a page of help: cobra takes a command that does nothing for one.
func newClientsPage(stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "clients",
		Short: "get tokens from Python, Node and the shell: whole programs",
		Long:  clientsPage,
	}
}
