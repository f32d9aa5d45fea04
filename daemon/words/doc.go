// Package words holds the sentences that callers read: every failure as an [api.Error] that says what happened and what
// to do next, and the texts of the pages a login ends with. All of it is pure: functions of names and errors.
package words
