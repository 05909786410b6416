package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"runner/agent/action"
	actions "runner/agent/action/catalog"
	"runner/agent/schema"
	"runner/lang"
	"runner/lang/function"
	"runner/transports/catalog"
)

// The files that examples of functions read, as they are beside the tests of the functions.
const (
	hello    = "hello\n"
	greeting = "Hello, ${name}!\n%{ for p in ports ~}\nport ${p}\n%{ endfor ~}\n"
)

const generated = "<!-- Printed by `go generate ./cmd/refdoc`; change the sources that it reads. -->\n\n"

// pages are the generated pages by file name.
func pages() (map[string]string, error) {
	if err := classified(allActions()); err != nil {
		return nil, err
	}
	errors, err := errorCodes()
	return map[string]string{
		"functions.md":  functions(),
		"actions.md":    actionsPage(allActions()),
		"transports.md": transports(catalog.Schemas()),
		"errors.md":     errors,
	}, err
}

// allActions are those of the agent and those that need none.
func allActions() map[string]schema.Block {
	all := lang.Actions()
	maps.Copy(all, actions.Schemas())
	return all
}

func functions() string {
	var b strings.Builder
	b.WriteString("# Functions\n\n" + generated +
		"All functions of Terraform 1.9 are here under its names, except `plantimestamp` and those of providers; `env` and `type` are\n" +
		"here too. A value that is sensitive makes what is made of it sensitive, and one that is not known yet makes it unknown.\n" +
		"Paths are on the machine that runs runner: relative ones start at the directory of the file that holds the call.\n" +
		"`timestamp`, `uuid` and `bcrypt` give one value a run.\n\n" +
		"A call that would make a text of more than 8 MiB or more than 262,144 elements is an error.\n")
	docs := function.Reference()
	for _, group := range function.Groups() {
		fmt.Fprintf(&b, "\n## %s\n\n", group)
		if group == function.File {
			b.WriteString("The examples have these two files beside them:\n\n```text file hello.txt\n" + hello + "```\n\n```text file greeting.tftpl\n" + greeting + "```\n\n")
		}
		b.WriteString("| call | gives | example |\n|---|---|---|\n")
		for _, d := range docs {
			if d.Group != group {
				continue
			}
			var examples []string
			for _, e := range d.Examples {
				examples = append(examples, code(e.Call)+" → "+code(e.Result))
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", code(d.Name+"("+d.Parameters+")"), cell(d.Text), strings.Join(examples, "<br>"))
		}
	}
	return b.String()
}

// family is what is found under one heading of the list of actions.
type family struct {
	title   string
	actions []string
}

func families() []family {
	return []family{
		{"files", []string{"file", "directory", "symlink", "remove", "line", "block", "replace", "ini"}},
		{"looking", []string{"stat", "read", "find", "http", "wait"}},
		{"trees and archives", []string{"sync", "fetch", "git", "download", "extract"}},
		{"packages and services", []string{"package", "repository", "service", "unit"}},
		{"accounts", []string{"user", "group", "authorized_key", "cron"}},
		{"the machine", []string{"mount", "sysctl", "hostname", "timezone", "reboot"}},
		{"programs", []string{"command", "shell", "script", "raw"}},
		{"the run itself", []string{"assert", "fail", "print", "pause", "flush", "reset_connection"}},
	}
}

// classified finds an action that is in no family, and a family with what is no action.
func classified(schemas map[string]schema.Block) error {
	for _, f := range families() {
		for _, name := range f.actions {
			if _, ok := schemas[name]; !ok {
				return fmt.Errorf("the family %q has an action %q that is not there, or is in another one too", f.title, name)
			}
			delete(schemas, name)
		}
	}
	for name := range schemas {
		return fmt.Errorf("the action %q is in no family", name)
	}
	return nil
}

func actionsPage(schemas map[string]schema.Block) string {
	var b strings.Builder
	b.WriteString("# Actions\n\n" + generated +
		"What a `task \"ACTION\" \"NAME\"` or a `handler` can do. Every one of them also takes the [arguments of tasks](tasks.md) and gives\n" +
		"`changed`, `failed`, `skipped` and `duration`. Each compares what is wanted with what is there, and does nothing when\n" +
		"there is no difference; `plan` looks with the same code. Further ones can be [your own](own-actions.md).\n")
	previews := map[action.Preview]string{
		action.Exact: "`plan` says exactly what it will do.",
		action.Runs:  "`plan` says whether it will run, and not what that will do.",
	}
	for _, d := range actions.All() {
		s, described := schemas[d.Name]
		if !described {
			continue // it carries the user's own, which have a page of their own
		}
		s.Doc += " " + previews[d.Preview]
		schemas[d.Name] = s
	}
	b.WriteString("\n| for | actions |\n|---|---|\n")
	for _, f := range families() {
		links := make([]string, len(f.actions))
		for i, name := range f.actions {
			links[i] = fmt.Sprintf("[%s](#%s)", name, name)
		}
		fmt.Fprintf(&b, "| %s | %s |\n", f.title, strings.Join(links, ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		block(&b, schemas[name], "task")
	}
	return b.String()
}

func transports(schemas map[string]schema.Block) string {
	var b strings.Builder
	b.WriteString("# Transports\n\n" + generated +
		"What a `hop \"TRANSPORT\" {}` can be: one step of a [chain](blocks.md#chain-and-hop). Their arguments must be known without facts and results.\n")
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		block(&b, schemas[name], "hop")
	}
	return b.String()
}

// block prints one action or transport; its example carries the marker.
func block(b *strings.Builder, s schema.Block, marker string) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n", s.Name, s.Doc)
	if s.Beside[0] != "" {
		fmt.Fprintf(b, "```text beside %s\n%s\n```\n\n", s.Beside[0], strings.TrimSpace(s.Beside[1]))
	}
	fmt.Fprintf(b, "```hcl %s\n%s\n```\n", marker, strings.TrimSpace(s.Example))
	if len(s.Arguments) > 0 {
		b.WriteString("\n| argument | type | |\n|---|---|---|\n")
		for _, a := range s.Arguments {
			fmt.Fprintf(b, "| %s | %s | %s |\n", code(a.Name), typeName(a), cell(notes(a)))
		}
	}
	if len(s.Results) > 0 {
		b.WriteString("\n| result | type | |\n|---|---|---|\n")
		for _, a := range s.Results {
			fmt.Fprintf(b, "| %s | %s | %s |\n", code(a.Name), typeName(a), cell(a.Doc))
		}
	}
	if text := hides(s); marker == "task" && text != "" {
		fmt.Fprintf(b, "\n%s\n", text)
	}
}

// hides says what a sensitive argument of an action hides besides itself. That a sensitive environment hides what errors quote is
// said elsewhere, for all actions.
func hides(s schema.Block) string {
	var out, reaches []string // in order
	by := map[string][]string{}
	note := func(argument string, reach *schema.Reach) {
		text := reached(reach, argument)
		if by[text] == nil {
			reaches = append(reaches, text)
		}
		by[text] = append(by[text], code(argument))
	}
	for _, a := range s.Arguments {
		if a.Reach != nil {
			note(a.Name, a.Reach)
		}
	}
	if e := s.Environ; e == nil || len(e.Change) > 0 || len(e.Results) > 0 || e.Diff || e.Errors {
		note("environment", e)
	}
	for _, text := range reaches {
		out = append(out, fmt.Sprintf("Where %s is sensitive, %s.", list(by[text], "or"), text))
	}
	if slices.ContainsFunc(s.Arguments, func(a schema.Attribute) bool { return a.Reach == nil }) {
		out = append(out, map[bool]string{true: "A sensitive argument", false: "Any other sensitive argument"}[len(out) == 0]+" hides the whole task.")
	}
	return strings.Join(out, " ")
}

// reached is what a sensitive argument hides besides itself.
func reached(r *schema.Reach, argument string) string {
	if r == nil {
		return "the whole task is hidden"
	}
	var what []string
	if r.Diff {
		what = append(what, "the diff")
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(r.Change, r.Results)))) {
		if name != argument || slices.Contains(r.Results, name) {
			what = append(what, code(name))
		}
	}
	switch {
	case r.Errors:
		what = append(what, "why it fails")
	case r.Quote:
		what = append(what, "what errors quote")
	}
	switch len(what) {
	case 0:
		return "nothing else is hidden"
	case 1:
		return what[0] + " is hidden, too"
	}
	return list(what, "and") + " are hidden, too"
}

// list joins words.
func list(words []string, last string) string {
	n := len(words) - 1
	if n == 0 {
		return words[0]
	}
	return strings.Join(words[:n], ", ") + " " + last + " " + words[n]
}

func typeName(a schema.Attribute) string {
	if len(a.OneOf) == 0 {
		return string(a.Type)
	}
	var values []string
	for _, v := range a.OneOf {
		values = append(values, code(`"`+v+`"`))
	}
	return strings.Join(values, ", ")
}

func notes(a schema.Attribute) string {
	switch {
	case a.Required:
		return "Required. " + a.Doc
	case a.Secret:
		return a.Doc + " Never shown."
	}
	return a.Doc
}

// code is text in the type of code within a table.
func code(s string) string {
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if fence != "`" {
		s = " " + s + " "
	}
	return fence + cell(s) + fence
}

// cell is text within a table.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(s)
}
