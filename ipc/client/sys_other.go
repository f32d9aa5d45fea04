//go:build !unix

package client

import "os"

func ownedBy(os.FileInfo, int) bool { return false }
