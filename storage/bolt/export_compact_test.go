package bolt

// KeepNamesOfOpenFiles makes compactions do as they must where an open file
// cannot be replaced, until the returned function is called.
func KeepNamesOfOpenFiles() (stop func()) {
	was := openFilesKeepTheirNames
	openFilesKeepTheirNames = true
	return func() { openFilesKeepTheirNames = was }
}
