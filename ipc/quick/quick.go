package quick

// Rest is what remains to be printed if standard output took only a part of the answer; it is nil otherwise. A program
// that imports this package must write Rest to standard output and exit, because the part before it has been printed.
var Rest []byte
