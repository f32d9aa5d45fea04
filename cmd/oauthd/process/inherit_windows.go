package process

import (
	"errors"
	"os"
)

// StartsAnew says that a process cannot become another program.
const StartsAnew = false

// Inherited returns nil: handles are passed on one by one, and none is.
func Inherited(uint) *os.File { return nil }

// Inheritable fails: no program takes this one's place.
func Inheritable(*os.File) (fd uint, err error) { return 0, errors.ErrUnsupported }
