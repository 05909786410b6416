package own

import (
	"encoding/json"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"runner/agent/schema"
)

// good is a description with everything in it.
const good = `{
  "protocol": 1, "doc": "Does.", "preview": "exact", "input": "json", "example": "task \"does\" \"x\" {\n  text = 1\n  when = true\n}",
  "arguments": {
    "text":  {"type": "string", "required": true, "doc": "A text."},
    "word":  {"type": "string", "one_of": ["a", "b"], "default": "a", "doc": "A word."},
    "count": {"type": "number", "default": 3, "doc": "A count."},
    "on":    {"type": "bool", "doc": "Whether."},
    "names": {"type": "list(string)", "doc": "Names."},
    "sizes": {"type": "list(number)", "doc": "Sizes."},
    "pairs": {"type": "map(string)", "doc": "Pairs."},
    "thing": {"type": "any", "doc": "A thing."},
    "token": {"type": "string", "secret": true, "doc": "A token."}
  },
  "results": {"path": {"type": "path", "doc": "A path."}, "size": {"type": "number", "doc": "A size."}}
}`

func reserved() Reserved {
	return Reserved{Arguments: []string{"when", "hop"}, Results: []string{"changed"}}
}

func TestRead(t *testing.T) {
	a, problems := Read("does", []byte(good), reserved())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := []schema.Attribute{
		{Name: "text", Type: schema.String, Required: true, Doc: "A text."},
		{Name: "word", Type: schema.String, OneOf: []string{"a", "b"}, Doc: "A word."},
		{Name: "count", Type: schema.Number, Doc: "A count."},
		{Name: "on", Type: schema.Bool, Doc: "Whether."},
		{Name: "names", Type: schema.Strings, Doc: "Names."},
		{Name: "sizes", Type: schema.Numbers, Doc: "Sizes."},
		{Name: "pairs", Type: schema.Map, Doc: "Pairs."},
		{Name: "thing", Type: schema.Any, Doc: "A thing."},
		{Name: "token", Type: schema.String, Secret: true, Doc: "A token."},
	}
	if !reflect.DeepEqual(a.Arguments, want) {
		t.Errorf("%+v", a.Arguments)
	}
	if !a.Exact || a.Shell || a.Name != "does" || a.Doc != "Does." || a.Results[1].Type != schema.Number {
		t.Errorf("%+v", a)
	}
	if !reflect.DeepEqual(a.Defaults, map[string]any{"word": "a", "count": int64(3)}) {
		t.Errorf("%v", a.Defaults)
	}
}

// TestReadSaysWhatIsWrong: each mistake is named, with its place.
func TestReadSaysWhatIsWrong(t *testing.T) {
	deep := strings.Repeat("[", 70) + strings.Repeat("]", 70)
	for _, c := range []struct{ old, new, want string }{
		{good, "", "printed nothing"},
		{good, "[1]", "a list and not a JSON object"},
		{good, `{"protocol": 1`, "ends too early"},
		{good, good + "x", "something follows"},
		{good, good + "{}", "something follows"},
		{good, "{\"doc\": \"\xff\"}", "not UTF-8"},
		{good, `{"x": ` + deep + `}`, "more than 64 lists and objects"},
		{good, `{"x": [` + strings.Repeat("1,", 100_000) + `1]}`, "more than 100000 values"},
		{`"protocol": 1, `, ``, `protocol: It is missing. This runner speaks "protocol": 1.`},
		{`"protocol": 1`, `"protocol": 2`, "speaks the protocol 1, and the action asks for the number 2"},
		{`"doc": "Does."`, `"doc": ""`, "doc: It is missing"},
		{`"doc": "Does."`, `"doc": 1`, "doc: It takes a string, and this is the number 1"},
		{`"doc": "Does."`, `"doc": "Does.", "doc": "Does."`, `the name "doc" stands twice`},
		{`"preview": "exact", `, ``, `preview: It is missing. Say "exact" or "runs"`},
		{`"preview": "exact"`, `"preview": "exacct"`, `Did you mean "exact"?`},
		{`"input": "json"`, `"input": "yaml"`, `input: It must be "json" or "shell"`},
		{`"input"`, `"inputs"`, `inputs: There is no field of this name here. Did you mean "input"?`},
		{`"results": {`, `"results": [], "x": {`, "results: It takes an object"},
		{`"text":`, `"te xt":`, `arguments.te xt: "te xt" is not a name`},
		{`"text":`, `"te-xt":`, "cannot have a dash"},
		{`"text":`, `"when":`, `arguments.when: The name "when" is taken`},
		{`"text":`, `"word":`, `the name "word" stands twice`},
		{`{"type": "bool", "doc": "Whether."}`, `"bool"`, `arguments.on: It takes an object`},
		{`"type": "bool"`, `"type": "boolean"`, `Did you mean "bool"?`},
		{`"type": "bool", `, ``, "arguments.on.type: It is missing"},
		{`"type": "bool"`, `"type": "source"`, "take no sources"},
		{`"type": "bool"`, `"type": 1`, "arguments.on.type: It takes a string"},
		{`"doc": "Whether."`, `"dock": "Whether."`, `arguments.on.dock: There is no field`},
		{`"doc": "Whether."`, `"description": "Whether."`, "arguments.on.doc: It is missing"},
		{`"required": true`, `"required": "yes"`, `arguments.text.required: It must be true or false`},
		{`"required": true`, `"required": true, "default": "x"`, "required has no default"},
		{`"default": "a"`, `"default": "c"`, "arguments.word.default: It must be one of a, b"},
		{`"default": 3`, `"default": "3"`, "arguments.count.default: It must be a number"},
		{`"default": 3`, `"default": 1e400`, "more digits than can be kept"},
		{`"default": 3`, `"default": 12345678901234567890`, "more digits than can be kept"},
		{`"one_of": ["a", "b"]`, `"one_of": []`, "with at least one"},
		{`"one_of": ["a", "b"]`, `"one_of": ["a", 1]`, "a list of strings"},
		{`"type": "number", "default": 3`, `"type": "number", "one_of": ["1"]`, `Only an argument of the type "string" has one_of`},
		{`{\n  text = 1`, `{\n  txet = 1`, `The task "x" has an argument "txet", and the action takes none of this name. Did you mean "text"?`},
		{`{\n  text = 1`, `{\n`, `The task "x" lacks the argument "text", which is required`},
		{`task \"does\"`, `task \"do\"`, `It has no task "does"`},
		{`"task \"does\" \"x\" {`, `"text = {`, "It has no task. Write one"},
		{`"task \"does\" \"x\" {`, `"task {{`, "It is not well-formed"},
		{`"task \"does\" \"x\" {`, `"` + strings.Repeat("(", 5000) + `{`, "nested too deeply"},
		{`"size": {`, `"changed": {`, `results.changed: The name "changed" is taken`},
		{`"type": "number", "doc": "A size."`, `"type": "number", "secret": true, "doc": "A size."`, "results.size.secret: There is no field"},
	} {
		text := strings.Replace(good, c.old, c.new, 1)
		a, problems := Read("does", []byte(text), reserved())
		if a != nil || len(problems) == 0 {
			t.Errorf("%.40s: %v", c.new, problems)
		}
		said := ""
		for _, p := range problems {
			said += p.String() + "\n"
		}
		if !strings.Contains(said, c.want) {
			t.Errorf("%.40s: %q does not say %q", c.new, said, c.want)
		}
	}
}

func does(t testing.TB, change ...string) *Action {
	t.Helper()
	a, problems := Read("does", []byte(strings.NewReplacer(change...).Replace(good)), reserved())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return a
}

// TestRequestAsJSON: what is given comes as it is, with defaults, and numbers stay what they are.
func TestRequestAsJSON(t *testing.T) {
	r, err := does(t).Request(map[string]any{
		"text": "<é\n\x00\">", "count": 0.1, "sizes": []any{int64(9007199254740993), 1e300}, "thing": map[string]any{"a": nil}, "token": "t",
	}, []string{"token"})
	if err != nil {
		t.Fatal(err)
	}
	got := string(r.Head) + "look" + string(r.Tail)
	want := `{"protocol":1,"mode":"look","arguments":{"count":0.1,"sizes":[9007199254740993,1e+300],"text":"<é\n\u0000\">",` +
		`"thing":{"a":null},"token":"t","word":"a"},"secrets":["token"]}` + "\n"
	if got != want {
		t.Errorf("%s", got)
	}
	if !json.Valid([]byte(got)) {
		t.Error("it is not JSON")
	}
	if r, _ := does(t).Request(map[string]any{"text": "x"}, nil); !strings.Contains(string(r.Tail), `"secrets":[]`) {
		t.Errorf("%s", r.Tail)
	}
}

// TestRequestForShells: whatever the arguments are, a shell that evaluates what it reads has them, and runs nothing.
func TestRequestForShells(t *testing.T) {
	a := does(t, `"input": "json"`, `"input": "shell"`)
	nasty := "a'b\"c$(touch /tmp/own-shell)`x`\\\n-n ü*"
	r, err := a.Request(map[string]any{
		"text": nasty, "on": true, "names": []any{nasty, "", "b"}, "pairs": map[string]any{"k x": nasty},
		"count": 0.5, "thing": []any{nasty},
	}, []string{"text", "names"})
	if err != nil {
		t.Fatal(err)
	}
	script := `eval "$(cat)"; printf '%s|' "$runner_protocol" "$runner_mode" "$runner_secrets" "$arg_text" "$arg_word" "$arg_count" "$arg_on" "${arg_sizes-none}" "$arg_thing"
eval "set -- $arg_names"; printf '%s|' "$#" "$@"; eval "set -- $arg_pairs"; printf '%s|' "$@"`
	shells := []string{"sh", "bash", "dash"}
	ran := 0
	for _, shell := range shells {
		if _, err := exec.LookPath(shell); err != nil {
			continue
		}
		ran++
		cmd := exec.Command(shell, "-c", script)
		cmd.Env = append(os.Environ(), "arg_sizes=from outside")
		cmd.Stdin = strings.NewReader(string(r.Head) + "act" + string(r.Tail))
		out, err := cmd.CombinedOutput()
		thing, _ := json.Marshal([]string{nasty})
		want := strings.Join([]string{"1", "act", "text names", nasty, "a", "0.5", "true", "none", string(thing), "3", nasty, "", "b", "k x=" + nasty, ""}, "|")
		if err != nil || string(out) != want {
			t.Errorf("%s: %v\n%q\n%q", shell, err, out, want)
		}
	}
	if ran == 0 {
		t.Error("no shell is here")
	}
}

func TestRequestRefuses(t *testing.T) {
	for _, c := range []struct {
		action *Action
		text   string
		want   string
	}{
		{does(t), strings.Repeat("x", MaxRequest), "at most 1048576"},
		{does(t, `"input": "json"`, `"input": "shell"`), "a\x00b", "the argument text has a NUL"},
	} {
		if _, err := c.action.Request(map[string]any{"text": c.text}, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v", err)
		}
	}
}

func TestAnswer(t *testing.T) {
	result := `"result": {"path": "/a", "size": 1.5}`
	for _, c := range []struct {
		look bool
		text string
		want Answer
	}{
		{false, `{"changed": true, ` + result + `}`, Answer{Changed: true, Verb: "update", Result: map[string]any{"path": "/a", "size": 1.5}}},
		{true, `{"changed": true}`, Answer{Changed: true, Verb: "update"}},
		{true, `{"changed": false, "result": {}}`, Answer{Result: map[string]any{"path": nil, "size": nil}}},
		{
			true, `{"changed": true, "change": "create", "before": null, "after": {"n": 9007199254740993}, "diff": "+a\n", "result": null}`,
			Answer{Changed: true, Verb: "create", After: map[string]any{"n": int64(9007199254740993)}, Diff: "+a\n"},
		},
		{false, `{"error": {"message": "No.", "hint": "Do."}}`, Answer{Error: "No.", Hint: "Do."}},
		{false, `{"changed": false, "error": null, ` + result + `}`, Answer{Result: map[string]any{"path": "/a", "size": 1.5}}},
	} {
		got, err := does(t).Answer(c.look, []byte(c.text))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v", c.text, got, err)
		}
	}
	runs := does(t, `"preview": "exact"`, `"preview": "runs"`)
	if got, err := runs.Answer(false, []byte(`{"changed": true, `+result+`}`)); err != nil || got.Verb != "run" {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestAnswerSaysWhatIsWrong: an answer that may not be given is a named mistake of the action.
func TestAnswerSaysWhatIsWrong(t *testing.T) {
	result := `"result": {"path": "/a", "size": 1}`
	for _, c := range []struct{ text, want string }{
		{``, "printed nothing"},
		{`hello`, "not JSON"},
		{`null`, "null and not a JSON object"},
		{`{"changed": tru`, "ends too early"},
		{`{"changed": true, "changed": false}`, `"changed" stands twice`},
		{`{` + result + `}`, "changed: It is missing"},
		{`{"changed": "yes", ` + result + `}`, "changed: It must be true or false"},
		{`{"changed": true, "results": {}, ` + result + `}`, `Did you mean "result"?`},
		{`{"changed": true}`, "result: It is missing"},
		{`{"changed": true, "result": []}`, "result: It takes an object"},
		{`{"changed": true, "result": {"path": "a"}}`, "result.path: It must be an absolute path"},
		{`{"changed": true, "result": {"path": "/a", "size": "1"}}`, "result.size: It must be a number"},
		{`{"changed": true, "result": {"paht": "/a"}}`, `result.paht: The action documents no result of this name. Did you mean "path"?`},
		{`{"changed": true, "change": "delete", ` + result + `}`, "change: It must be one of"},
		{`{"changed": false, "change": "create", ` + result + `}`, "It is false, and yet"},
		{`{"changed": false, "diff": "x", ` + result + `}`, "It is false, and yet"},
		{`{"changed": true, "diff": 1, ` + result + `}`, "diff: It takes a string"},
		{`{"changed": true, "diff": "` + strings.Repeat("x", maxDiff+1) + `", ` + result + `}`, "Shorten it"},
		{`{"changed": true, "before": 1, ` + result + `}`, "before: It takes an object or null"},
		{`{"error": "No."}`, "error: It takes an object"},
		{`{"error": {}}`, "error.message: It is missing"},
		{`{"error": {"message": "No.", "why": "x"}}`, "error.why: There is no field"},
	} {
		got, err := does(t).Answer(false, []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "the action does answers") {
			t.Errorf("%.60s: %+v, %v", c.text, got, err)
		}
	}
}

// FuzzAnswer: whatever an action prints, it is refused, or means something that expressions can be given: only what is
// documented, in its type, and the same when it is read again.
func FuzzAnswer(f *testing.F) {
	f.Add(true, []byte(`{"changed": true, "diff": "x", "result": {"path": "/a", "size": 1e3}}`))
	f.Add(false, []byte(`{"changed": false, "before": {"a": [1, {"b": null}]}, "result": {}}`))
	f.Add(false, []byte(`{"error": {"message": "\ud800", "hint": ""}}`))
	f.Add(false, []byte("{\"changed\": true, \"result\": {\"size\": -0.0e-400}}\x00"))
	f.Add(false, []byte(strings.Repeat(`{"a":`, 100)))
	a := does(f)
	f.Fuzz(func(t *testing.T, look bool, text []byte) {
		got, err := a.Answer(look, text)
		if err != nil {
			return
		}
		if got.Error != "" {
			return
		}
		for name, v := range got.Result {
			i := 0
			for i < len(a.Results) && a.Results[i].Name != name {
				i++
			}
			if i == len(a.Results) || misfit(a.Results[i], v) != "" {
				t.Errorf("%s = %v", name, v)
			}
		}
		if got.Result == nil && !look {
			t.Error("it has acted, and there is no result")
		}
		if !got.Changed && (got.Verb != "" || got.Diff != "") {
			t.Errorf("%+v", got)
		}
		again, err := json.Marshal(map[string]any{"changed": got.Changed, "diff": got.Diff, "before": got.Before, "after": got.After, "result": got.Result})
		if err != nil {
			t.Fatal(err)
		}
		back, err := a.Answer(look, again)
		back.Verb = got.Verb
		if err != nil || !reflect.DeepEqual(back, got) {
			t.Errorf("%v: %+v, %+v", err, got, back)
		}
	})
}
