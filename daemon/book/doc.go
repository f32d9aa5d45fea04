// Package book is what the daemon knows without asking a provider for a token: the accounts that exist, the providers
// they belong to, and the facts about each account's credential. It is the only writer of account files.
package book
