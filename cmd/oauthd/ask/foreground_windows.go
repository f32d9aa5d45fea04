package ask

import "os"

// inForeground is true always: a console does not stop anybody.
func inForeground(*os.File) bool { return true }
