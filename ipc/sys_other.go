//go:build !unix

package ipc

import "os"

func owner(os.FileInfo) (uid int, ok bool) { return 0, false }

func maxFiles() int { return 0 }
