package lang

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"runner/agent/plain"
	"runner/lang/config"
	"runner/lang/diag"
	"runner/lang/own"
	"runner/lang/program"
	"runner/lang/source"
)

// describeTimeout is how long an action may take to say what it is.
const describeTimeout = 5 * time.Second

// ownActions are the actions of the user's own, of the site and of its roles. Each one is asked what it is when it is first
// used.
type ownActions struct {
	*loader
	folders map[string]*folder // by the directory beside which they are, as people see it
}

type folder struct {
	dir   string // that the site's or role's files are in
	found []own.Found
	known map[string]*own.Action // that were asked; nil: with errors
}

// folder lists the actions beside the files of a site or role, and reports what is wrong with their files.
func (o *ownActions) folder(dir string) *folder {
	if f := o.folders[dir]; f != nil {
		return f
	}
	f := &folder{dir: dir, known: map[string]*own.Action{}}
	o.folders[dir] = f
	at := filepath.Join(dir, own.Folder)
	var err error
	f.found, err = own.Find(o.opts.Files, at, func(name string) bool { _, ok := o.opts.Catalog.Actions[name]; return ok })
	if err != nil {
		o.fail(diag.Errorf(diag.Unreadable, hcl.Range{Filename: at}, "Directory cannot be read", "%s.", diag.Capital(plain.File(at, err))))
	}
	for _, a := range f.found {
		if a.What != "" {
			o.wrong(a.File, "%s", a.What)
		}
	}
	return f
}

func (o *ownActions) wrong(file, format string, args ...any) {
	o.fail(diag.Errorf(diag.OwnAction, hcl.Range{Filename: file}, "Invalid action", format, args...))
}

// Action returns the action of a name that a site or role has beside it. It is nil with true if there is one that cannot be used.
func (o *ownActions) Action(dir, name string) (*own.Action, bool) {
	f := o.folder(dir)
	i := slices.IndexFunc(f.found, func(a own.Found) bool { return a.Name == name })
	if i < 0 {
		return nil, false
	}
	if a, asked := f.known[name]; asked {
		return a, true
	}
	f.known[name] = nil
	if f.found[i].What == "" {
		f.known[name] = o.ask(f, f.found[i])
	}
	return f.known[name], true
}

// Names are the actions that a site or role has beside it.
func (o *ownActions) Names(dir string) []string {
	var out []string
	for _, a := range o.folder(dir).found {
		out = append(out, a.Name)
	}
	return out
}

// askAll asks also those that nobody uses.
func (o *ownActions) askAll() {
	for _, dir := range slices.Sorted(maps.Keys(o.folders)) {
		for _, name := range o.Names(dir) {
			o.Action(dir, name)
		}
	}
}

// ask has an action say what it is.
func (o *ownActions) ask(f *folder, a own.Found) *own.Action {
	file := o.opts.absolute(a.File)
	content, err := source.Read(o.opts.Files, a.File, mostFirstLine) // so that whoever keeps the site keeps it
	if err != nil || len(content) == 0 {
		o.wrong(a.File, "It cannot be read: %s.", plain.File(a.File, err))
		return nil
	}
	text, ok := o.describe(a, file, o.opts.absolute(f.dir), content)
	if !ok {
		return nil
	}
	action, problems := own.Read(a.Name, text, own.Reserved{Arguments: config.TaskArguments(), Results: []string{"changed", "failed", "skipped", "duration"}})
	for _, p := range problems {
		o.wrong(a.File, "%s", p)
	}
	if action != nil {
		action.File = file
	}
	return action
}

// mostFirstLine is how much of an executable is looked at for the interpreter in its first line, in bytes.
const mostFirstLine = 512

// describe returns what an action, which begins with head, prints, or what it printed when the site was loaded first.
func (o *ownActions) describe(a own.Found, file, dir string, head []byte) ([]byte, bool) {
	argv := []string{file, own.Describe}
	key := strings.Join(argv, "\x00")
	if m := o.opts.Memory; m != nil {
		text, ok := m.Programs[key]
		if !ok {
			o.wrong(a.File, "What it said of itself when the site was planned is not known any more.")
		}
		return []byte(text), ok
	}
	text, err := o.opts.Describe(program.Command{Argv: argv, Dir: dir, Timeout: describeTimeout, Most: own.MaxDescription})
	if failed, bad := errors.AsType[*program.Error](err); bad {
		o.wrong(a.File, "%s%s", undescribed(failed, head), failed.Words())
		return nil, false
	}
	if o.opts.Remember {
		o.asked[key] = string(text)
	}
	return text, true
}

// undescribed says why an action, which begins with head, has not said what it is.
func undescribed(failed *program.Error, head []byte) string {
	const asked = "It is started here with the argument \"describe\" and has to print what it takes and gives as JSON, but "
	switch failed.Why {
	case program.TooMuch:
		return asked + "it printed more than a MiB."
	case program.TooLong:
		return asked + "it did not end within " + describeTimeout.String() + "."
	case program.Missing:
		line, _, _ := strings.Cut(string(head), "\n")
		if strings.HasSuffix(line, "\r") {
			return asked + "it cannot be started: its lines end as on Windows. Let them end in a line feed alone."
		}
		return asked + "it cannot be started: the interpreter that its first line names is not here: " + diag.Quote(line) + "."
	case program.Permission:
		return asked + "it cannot be started: permission denied. Whoever runs this must be allowed to execute it, and its file system too."
	case program.NoFormat:
		return asked + "it is nothing that this machine can execute. A script needs a first line such as #!/bin/sh; a binary has to be built for this machine."
	default:
		return asked + failed.How + "."
	}
}

// runDescribe is how actions are asked unless the options say otherwise.
func runDescribe(c program.Command) ([]byte, error) { return program.Output(context.Background(), c) }

// Own returns the action of the user's own that a task is; nil: it is one that comes with runner.
func (t *Task) Own() *own.Action { return t.body.block.Own }
