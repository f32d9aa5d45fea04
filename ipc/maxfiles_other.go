//go:build !unix

package ipc

func maxFiles() int { return 0 }
