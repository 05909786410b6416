package own

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"runner/agent/schema"
)

// Request is what an action reads from its standard input, but for its mode, "look" or "act", which stands between the two
// parts: so one agent can put in what the other one would, and knows no JSON.
type Request struct{ Head, Tail []byte }

// RequestError tells that an action cannot be given its arguments.
type RequestError struct {
	Argument string // "": all together
	Reason   string // the end of a sentence
}

func (e *RequestError) Error() string {
	if e.Argument == "" {
		return "the arguments " + e.Reason
	}
	return "the argument " + e.Argument + " " + e.Reason
}

// Request writes what the action is given: plain arguments, those that were not given at their defaults, and the names of
// those that are sensitive. The error is a *RequestError.
func (a *Action) Request(args map[string]any, secrets []string) (Request, error) {
	all := maps.Clone(a.Defaults)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, args)
	if secrets == nil {
		secrets = []string{}
	}
	r, err := a.write(all, secrets)
	if err == nil && len(r.Head)+len(r.Tail) > MaxRequest {
		err = &RequestError{Reason: fmt.Sprintf("have %d bytes together; an action can be given at most %d. Put large data into a file by a task \"file\" before, and give its path",
			len(r.Head)+len(r.Tail), MaxRequest)}
	}
	return r, err
}

func (a *Action) write(args map[string]any, secrets []string) (Request, error) {
	if a.Shell {
		return a.assignments(args, secrets)
	}
	rest, err := encode(map[string]any{"arguments": args, "secrets": secrets})
	if err != nil {
		return Request{}, &RequestError{Reason: "cannot be written as JSON: " + err.Error()}
	}
	return Request{
		Head: fmt.Appendf(nil, `{"protocol":%d,"mode":"`, Protocol),
		Tail: append([]byte(`",`), rest[1:]...),
	}, nil
}

// encode writes a value on one line that ends with a line break.
func encode(v any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// assignments are a shell's: arg_NAME is an argument, and not set where there is none.
func (a *Action) assignments(args map[string]any, secrets []string) (Request, error) {
	var tail bytes.Buffer
	fmt.Fprintf(&tail, "\nrunner_secrets=%s\n", word(strings.Join(secrets, " ")))
	for _, attribute := range a.Arguments {
		v := args[attribute.Name]
		if v == nil {
			fmt.Fprintf(&tail, "unset arg_%s\n", attribute.Name)
			continue
		}
		text, err := shellText(attribute, v)
		if err != nil {
			return Request{}, &RequestError{attribute.Name, "cannot be written as JSON: " + err.Error()}
		}
		if strings.ContainsRune(text, 0) {
			return Request{}, &RequestError{attribute.Name, "has a NUL character in it, which a shell cannot take"}
		}
		fmt.Fprintf(&tail, "arg_%s=%s\n", attribute.Name, word(text))
	}
	return Request{Head: fmt.Appendf(nil, "runner_protocol=%d\nrunner_mode=", Protocol), Tail: tail.Bytes()}, nil
}

// shellText is a value as the text of a variable: a list as words that eval takes, a map as words NAME=VALUE, what may be
// anything as JSON.
func shellText(a schema.Attribute, v any) (string, error) {
	if a.Type == schema.Any {
		text, err := encode(v)
		return strings.TrimSuffix(string(text), "\n"), err
	}
	switch v := v.(type) {
	case []any:
		words := make([]string, len(v))
		for i, e := range v {
			words[i] = word(shellScalar(e))
		}
		return strings.Join(words, " "), nil
	case map[string]any:
		var words []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			words = append(words, word(name+"="+shellScalar(v[name])))
		}
		return strings.Join(words, " "), nil
	}
	return shellScalar(v), nil
}

func shellScalar(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	text, err := encode(v) // a number as JSON writes it
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// word quotes a text for a shell.
func word(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
