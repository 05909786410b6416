// Package view shows the files of a target: in a preview as the earlier calls of the pipeline will leave them.
package view

// View is one pipeline's.
type View struct{}
