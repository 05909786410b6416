package edit

import (
	"errors"
	"slices"
	"strings"

	"runner/agent/action/given"
	"runner/agent/schema"
)

// kept is what the documentation of all edits ends with.
const kept = " Everything else in the file stays as it is, byte for byte: line ends (new lines get that of the first one), a byte order mark, a missing line break at the end. " +
	"The file is written as `file` does it, with the same protection of links, devices and mount points; a symbolic link at the path is an error. It must be text without NUL bytes, of 4 MiB at most."

// targetSchema are the arguments that all edits take, around their own.
func targetSchema(own ...schema.Attribute) []schema.Attribute {
	return slices.Concat(
		[]schema.Attribute{{Name: "path", Type: schema.Path, Required: true, Doc: "Where the file is."}},
		own,
		[]schema.Attribute{
			{Name: "create", Type: schema.Bool, Doc: "Make a file that is missing. Unless set, that is an error."},
			{Name: "mode", Type: schema.Mode, Doc: "The permissions of the file, such as `\"0640\"`. Unless set, a new file gets `\"0644\"` and an old one keeps its own."},
			{Name: "owner", Type: schema.String, Doc: "The name or number of the user it belongs to. Unless set, a new file belongs to the task's user and an old one keeps its own."},
			{Name: "group", Type: schema.String, Doc: "The name or number of its group, likewise."},
			{Name: "backup", Type: schema.Bool, Doc: "Keep the old file beside the new one before its content changes, as `PATH.2026-11-23T04-05-06Z~` (UTC), with its owner and mode."},
			{Name: "validate", Type: schema.Strings, Doc: "A program with arguments that checks the new content before it goes live, as for `file`; `%s` in them is the path of a file that has it. Any exit code but 0 leaves the old file as it is and fails the task."},
			{Name: "in_place", Type: schema.Bool, Doc: "Write into the old file instead of replacing it, as for `file`: for mount points and for files whose hard links must stay."},
			{Name: "durable", Type: schema.Bool, Doc: "Have the file and its directory on the disk before the task ends. Otherwise that is so before the job ends."},
		})
}

// whereSchema are the arguments of where.
func whereSchema(new string) []schema.Attribute {
	return []schema.Attribute{
		{Name: "after", Type: schema.Regex, Doc: "Where there is none yet, the " + new + " goes behind the last line that this matches; at the end of the file if none does, and unless `after` or `before` is set."},
		{Name: "before", Type: schema.Regex, Doc: "Likewise in front of the last line that this matches, instead of `after`."},
		{Name: "first_match", Type: schema.Bool, Doc: "The first line that matches counts, and not the last one: `before = \"^\"` is the beginning of the file then."},
	}
}

func stateSchema(doc string) schema.Attribute {
	return schema.Attribute{Name: "state", Type: schema.String, OneOf: []string{"present", "absent"}, Doc: doc}
}

func targetResults() []schema.Attribute {
	return []schema.Attribute{
		{Name: "path", Type: schema.String, Doc: "The path as given."},
		{Name: "size", Type: schema.Number, Doc: "Bytes; null when there is no file."},
		{Name: "sha256", Type: schema.String, Doc: "SHA-256 of the content in hexadecimal; null when there is no file."},
		{Name: "mode", Type: schema.String, Doc: "The permissions, such as `0640`; null when there is no file."},
		{Name: "owner", Type: schema.String, Doc: "The name of the owner, or the number if it has none; null when there is no file."},
		{Name: "group", Type: schema.String, Doc: "The name of the group, or the number if it has none; null when there is no file."},
		{Name: "backup", Type: schema.String, Doc: "The path of the backup, or null if none was made."},
	}
}

// checkTarget checks what all edits take.
func checkTarget(g given.Args) error {
	err := errors.Join(g.WithoutSlash("path", "file"), g.State(), g.Mode("mode"), g.Account("owner"), g.Account("group"), g.Validation())
	if g.Removes() {
		err = errors.Join(err, g.Absent("create"))
	}
	return err
}

// checkWhere checks the arguments of whereSchema.
func checkWhere(g given.Args) error {
	switch {
	case g.Removes():
		return g.Absent("after", "before")
	case g.Has("after") && g.Has("before"):
		return given.Wrong("before", "after and before exclude each other.")
	case g["before"] == "BOF":
		return given.Wrong("before", "before is a regular expression, and BOF is no name of the beginning of the file: that is before = \"^\" with first_match = true. For a line with these letters, write \"^BOF\".")
	case g["after"] == "EOF":
		return given.Wrong("after", "after is a regular expression, and EOF is no name of the end of the file: without after and before, what is new goes there. For a line with these letters, write \"^EOF\".")
	}
	return nil
}

// oneLine checks a text that stands in one line.
func oneLine(g given.Args, name, hint string) error {
	if s, known := g.Text(name); known && strings.ContainsAny(s, "\r\n\x00") {
		return given.Wrong(name, "%s must be one line, without a line break or a NUL character.%s", name, hint)
	}
	return nil
}
