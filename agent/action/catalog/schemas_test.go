package catalog

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"runner/agent/action"
	"runner/agent/schema"
	"runner/agent/wire"
)

func TestSchemasCheckWhatAttributesCannotSay(t *testing.T) {
	all := Schemas()
	for _, c := range []struct {
		action string
		known  map[string]any
		want   string // in the message; "" for none
	}{
		{"file", map[string]any{"path": "/a", "content": "x"}, ""},
		{"file", map[string]any{"path": "/a", "content": "x", "source": "y"}, "exclude each other"},
		{"file", map[string]any{"path": "/a", "content": nil, "source": "y"}, ""},
		{"file", map[string]any{"path": "a"}, "must be an absolute path"},
		{"file", map[string]any{"path": "~/a"}, "self.facts.user.home"},
		{"file", map[string]any{"path": "/a/"}, "must not end in a slash"},
		{"file", map[string]any{"path": "/"}, "root directory"},
		{"file", map[string]any{"path": "/a/.."}, "must end in a name"},
		{"file", map[string]any{"path": "/a\x00"}, "NUL"},
		{"file", map[string]any{"path": "/a", "mode": "0888"}, "octal"},
		{"file", map[string]any{"path": "/a", "mode": "64"}, "octal"},
		{"file", map[string]any{"path": "/a", "mode": "u=rw"}, "octal"},
		{"file", map[string]any{"path": "/a", "mode": "+064"}, "octal"},
		{"file", map[string]any{"path": "/a", "mode": "4755"}, ""},
		{"file", map[string]any{"path": "/a", "owner": "a:b"}, "number of a user"},
		{"file", map[string]any{"path": "/a", "state": "gone"}, `"present" or "absent"`},
		{"file", map[string]any{"path": "/a", "state": "absent", "content": "x"}, "means nothing"},
		{"file", map[string]any{"path": "/a", "state": "absent", "backup": true}, ""},
		{"file", map[string]any{"path": "/a", "content": "x", "validate": []any{"visudo", "-cf"}}, "%s"},
		{"file", map[string]any{"path": "/a", "content": "x", "validate": []any{"%s"}}, "%s"},
		{"file", map[string]any{"path": "/a", "content": "x", "validate": []any{"visudo", "-cf", "%s"}}, ""},
		{"file", map[string]any{"path": "/a", "content": "x", "validate": []any{}}, "name a program"},
		{"directory", map[string]any{"path": "/a/"}, ""},
		{"directory", map[string]any{"path": "/a", "state": "absent", "mode": "0755"}, "means nothing"},
		{"remove", map[string]any{"path": "/"}, "root directory"},
		{"remove", map[string]any{"path": "a"}, "must be an absolute path"},
		{"remove", map[string]any{"path": "/a/.."}, "must end in a name"},
		{"stat", map[string]any{"path": "a"}, "must be an absolute path"},
		{"stat", map[string]any{"path": "/"}, ""},
		{"read", map[string]any{"path": "~/a"}, "self.facts.user.home"},
		{"find", map[string]any{"path": "/", "names": []any{"*", "[a"}}, "is no pattern"},
		{"find", map[string]any{"path": "/", "limit": 10_001.0}, "whole number from 1 to 10000"},
		{"find", map[string]any{"path": "/", "depth": 0.0}, "whole number from 1"},
		{"find", map[string]any{"path": "/", "min_size": 1.5}, "whole number from 0"},
		{"find", map[string]any{"path": "/", "min_size": schema.Unknown{}, "names": schema.Unknown{}}, ""},
		{"line", map[string]any{"path": "/a", "line": "x"}, ""},
		{"line", map[string]any{"path": "/a/", "line": "x"}, "must not end in a slash"},
		{"line", map[string]any{"path": "/a"}, "line is needed"},
		{"line", map[string]any{"path": "/a", "line": "long\n"}, "must be one line"},
		{"line", map[string]any{"path": "/a", "state": "absent"}, "line or regex is needed"},
		{"line", map[string]any{"path": "/a", "state": "absent", "regex": "x"}, ""},
		{"line", map[string]any{"path": "/a", "state": "absent", "regex": "x", "create": true}, "means nothing"},
		{"line", map[string]any{"path": "/a", "line": "x", "regex": "x", "after": "a", "before": "b"}, "exclude each other"},
		{"line", map[string]any{"path": "/a", "line": "x", "mode": "rw"}, "octal"},
		{"line", map[string]any{"path": "/a", "line": "x", "validate": []any{"true"}}, "%s"},
		{"line", map[string]any{"path": "/a", "line": schema.Unknown{}, "state": schema.Unknown{}}, ""},
		{"block", map[string]any{"path": "/a", "content": "x", "after": "a", "before": "b"}, "exclude each other"},
		{"block", map[string]any{"path": "/a"}, "content is needed"},
		{"block", map[string]any{"path": "/a", "content": "x", "marker": "# mine"}, "{mark}"},
		{"block", map[string]any{"path": "/a", "content": "x", "marker": "{mark}\n"}, "one line"},
		{"block", map[string]any{"path": "/a", "content": "x", "begin": "b", "end": "b"}, "must differ"},
		{"block", map[string]any{"path": "/a", "content": "x", "state": "absent"}, "means nothing"},
		{"replace", map[string]any{"path": "/a", "regex": "x", "after": "a", "before": "b"}, ""},
		{"replace", map[string]any{"path": "/a", "regex": "x", "owner": "a:b"}, "number of a user"},
		{"ini", map[string]any{"path": "/a"}, "section or key is needed"},
		{"ini", map[string]any{"path": "/a", "section": "s]"}, "without brackets"},
		{"ini", map[string]any{"path": "/a", "section": ""}, "without brackets"},
		{"ini", map[string]any{"path": "/a", "key": "k=v"}, "without an equals sign"},
		{"ini", map[string]any{"path": "/a", "key": "#k"}, "without an equals sign"},
		{"ini", map[string]any{"path": "/a", "key": "k", "value": " v"}, "no spaces or line breaks around it"},
		{"ini", map[string]any{"path": "/a", "key": "k", "values": []any{"v", "two\nlines"}}, "one line"},
		{"ini", map[string]any{"path": "/a", "key": "k", "value": "v", "values": []any{"v"}}, "exclude each other"},
		{"ini", map[string]any{"path": "/a", "section": "s", "value": "v"}, "means nothing without key"},
		{"ini", map[string]any{"path": "/a", "key": "k", "value": "v", "state": "absent"}, "means nothing"},
		{"symlink", map[string]any{"path": "/a", "target": ""}, "empty"},
		{"symlink", map[string]any{"path": "/a"}, "needs the argument"},
		{"symlink", map[string]any{"path": "/a", "state": "present"}, "needs the argument"},
		{"symlink", map[string]any{"path": "/a", "state": "absent"}, ""},
		{"symlink", map[string]any{"path": "/a", "state": schema.Unknown{}}, ""},
		{"symlink", map[string]any{"path": "/a", "target": schema.Unknown{}}, ""},
		{"file", map[string]any{"path": schema.Unknown{}, "content": schema.Unknown{}, "source": "y"}, "exclude each other"},
		{"file", map[string]any{"path": "/a", "mode": schema.Unknown{}, "owner": schema.Unknown{}, "validate": schema.Unknown{}}, ""},
		{"shell", map[string]any{"script": schema.Unknown{}, "interpreter": schema.Unknown{}, "ok_exit_codes": schema.Unknown{}}, ""},
		{"command", map[string]any{"argv": schema.Unknown{}, "creates": "b", "chdir": schema.Unknown{}}, ""},
		{"symlink", map[string]any{"path": "/a", "target": "b", "state": "absent"}, "means nothing"},
		{"command", map[string]any{"argv": []any{}}, "name a program"},
		{"command", map[string]any{"argv": []any{""}}, "name a program"},
		{"command", map[string]any{"argv": []any{"a"}, "creates": "b"}, "relative to chdir"},
		{"command", map[string]any{"argv": []any{"a"}, "creates": "b", "chdir": "/c"}, ""},
		{"command", map[string]any{"argv": []any{"a"}, "creates": "/b["}, "no pattern"},
		{"command", map[string]any{"argv": []any{"a"}, "ok_exit_codes": []any{0.0, 256.0}}, "0 to 255"},
		{"command", map[string]any{"argv": []any{"a"}, "ok_exit_codes": []any{}}, "at least one"},
		{"command", map[string]any{"argv": []any{"a", strings.Repeat("x", 2<<20)}}, "at most 2097152 can be given"},
		{"shell", map[string]any{"script": strings.Repeat("x", 3<<20)}, ""},
		{"shell", map[string]any{"script": strings.Repeat("x", 3<<20+1)}, "at most 3145728 can be sent"},
		{"shell", map[string]any{"script": " \n"}, "empty"},
		{"shell", map[string]any{"script": "x", "interpreter": "/bin/bash -e"}, "as a list"},
		{"shell", map[string]any{"script": "x", "interpreter": []any{"/bin/bash", "-e"}}, ""},
		{"shell", map[string]any{"script": "x", "interpreter": 1.0}, "string or a list"},
	} {
		err := all[c.action].Check(c.known)
		for name, value := range c.known { // it may be a secret
			if text, _ := value.(string); len(text) > 3 && err != nil && name != "state" && strings.Contains(err.Error(), text) {
				t.Errorf("%s %.200v: %.200v", c.action, c.known, err)
			}
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s %.200v: got %.200v, want %q", c.action, c.known, err, c.want)
		}
	}
}

// TestEveryActionPreviews: an action says how it is previewed, and what it will do where something runs before it follows.
func TestEveryActionPreviews(t *testing.T) {
	for _, d := range All() {
		switch d.Preview {
		case action.Exact:
			if got := d.Doubtful().Verb; got != wire.VerbUpdate {
				t.Errorf("%s may do %s", d.Name, got)
			}
		case action.Runs:
			if got := d.Doubtful().Verb; got != wire.VerbRun {
				t.Errorf("%s may do %s", d.Name, got)
			}
		default:
			t.Errorf("%s does not say how it is previewed", d.Name)
		}
		if !slices.Contains(d.Doubtful().Unknown, "action") {
			t.Errorf("%s claims to know what it will do", d.Name)
		}
	}
}

// TestDecodeRefuses: what no controller of this version sends is an error, and not an action with something left out.
func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct {
		action string
		args   map[string]any
		want   string
	}{
		{"command", map[string]any{"argv": "ls"}, "command.argv"},
		{"command", map[string]any{"argv": []any{"a"}, "chdr": "/"}, "unknown field"},
		{"file", map[string]any{"path": "/x", "content": 1.0}, "neither text nor bytes"},
		{"file", map[string]any{"path": "/x", "backup": "yes"}, "backup"},
	} {
		encoded, err := wire.Marshal(c.args)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range All() {
			if d.Name != c.action {
				continue
			}
			_, _, err := d.Decode(encoded)
			var p *wire.Problem
			if !errors.As(err, &p) || p.Code != wire.CodeArguments || !strings.Contains(strings.ToLower(p.Message), c.want) {
				t.Errorf("%v: %v", c.args, err)
			}
		}
	}
}

// Every example in the reference is taken by the action that it is about.
func TestG40ExamplesNameTheirAction(t *testing.T) {
	for _, d := range Schemas() {
		if !strings.HasPrefix(d.Example, `task "`+d.Name+`" "`) {
			t.Errorf("%s: %s", d.Name, d.Example)
		}
		for _, a := range append(d.Arguments, d.Results...) {
			if a.Doc == "" || !strings.HasSuffix(a.Doc, ".") {
				t.Errorf("%s.%s: %q is no sentence", d.Name, a.Name, a.Doc)
			}
		}
	}
}

// TestBothListsAreTheSame: what the agent can do is what is described, and nothing else.
func TestBothListsAreTheSame(t *testing.T) {
	schemas := Schemas()
	for _, d := range All() {
		if d.Name == wire.ActionOwn {
			continue // what it takes is what the user's own actions say
		}
		if _, described := schemas[d.Name]; !described {
			t.Errorf("%s is not described", d.Name)
		}
		delete(schemas, d.Name)
	}
	for name := range schemas {
		t.Errorf("%s is described, and no agent can do it", name)
	}
}
