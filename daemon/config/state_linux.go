package config

import (
	"io/fs"
	"syscall"
)

// changeOf returns when the file's inode last changed, which no program can set back, and the inode's number.
func changeOf(info fs.FileInfo) (ctime int64, inode uint64) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0
	}
	return s.Ctim.Nano(), s.Ino
}
