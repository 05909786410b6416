package disk

// renameNew renames and never replaces.
func renameNew(dir int, from, to string) error { return linkNew(dir, from, to) }
