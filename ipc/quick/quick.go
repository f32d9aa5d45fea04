package quick

// Rest is what remains to be printed if standard output took only a part of the answer; it is nil otherwise. A program
// that imports this package must write Rest to standard output and exit, because the part before it has been printed.
var Rest []byte

// Input is what was read of standard input before the usual path had to take over; nil if nothing was. A program that
// imports this package must read it before the rest of standard input.
var Input []byte
