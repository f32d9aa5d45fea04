package main

import (
	"errors"
	"os"
)

// startsAnew says that a process cannot become another program.
const startsAnew = false

// inherited returns nil: handles are passed on one by one, and none is.
func inherited(uint) *os.File { return nil }

func inheritable(*os.File) (fd uint, err error) { return 0, errors.ErrUnsupported }
