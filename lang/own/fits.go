package own

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"runner/agent/schema"
	"runner/lang/diag"
)

// misfit says in a sentence what is wrong with a plain value for an attribute; "" if it fits. Null fits any.
func misfit(a schema.Attribute, v any) string {
	if v == nil || a.Type == schema.Any {
		return ""
	}
	text, isText := v.(string)
	wrong := func(wanted string) string { return fmt.Sprintf("It must be %s, and this is %s.", wanted, kind(v)) }
	switch a.Type {
	case schema.Number:
		if !isNumber(v) {
			return wrong("a number")
		}
	case schema.Bool:
		if _, ok := v.(bool); !ok {
			return wrong("true or false")
		}
	case schema.Strings, schema.Numbers:
		return misfitList(a, v, wrong)
	case schema.Map:
		m, ok := v.(map[string]any)
		if !ok {
			return wrong("an object whose values are strings")
		}
		for name, e := range m {
			if _, ok := e.(string); !ok {
				return fmt.Sprintf("It must be an object whose values are strings, and its %s is %s.", diag.Quote(name), kind(e))
			}
		}
	default:
		switch {
		case !isText:
			return wrong("a string")
		case a.Type == schema.Mode && !isMode(text):
			return wrong(`a mode of three or four octal digits, such as "0640"`)
		case a.Type == schema.Duration && !isDuration(text):
			return wrong(`a duration, such as "30s"`)
		case a.Type == schema.Path && (!strings.HasPrefix(text, "/") || strings.ContainsRune(text, 0)):
			return wrong("an absolute path")
		case len(a.OneOf) > 0 && !slices.Contains(a.OneOf, text):
			return wrong("one of " + strings.Join(a.OneOf, ", "))
		}
	}
	return ""
}

func misfitList(a schema.Attribute, v any, wrong func(string) string) string {
	wanted, fits := "a list of strings", func(e any) bool { _, ok := e.(string); return ok }
	if a.Type == schema.Numbers {
		wanted, fits = "a list of numbers", isNumber
	}
	list, ok := v.([]any)
	if !ok {
		return wrong(wanted)
	}
	for i, e := range list {
		if !fits(e) {
			return fmt.Sprintf("It must be %s, and its element %d is %s.", wanted, i, kind(e))
		}
	}
	return ""
}

func isNumber(v any) bool {
	switch v.(type) {
	case int64, float64:
		return true
	}
	return false
}

func isMode(s string) bool {
	const least, most = 3, 4
	return len(s) >= least && len(s) <= most && strings.Trim(s, "01234567") == ""
}

func isDuration(s string) bool {
	d, err := time.ParseDuration(s)
	return err == nil && d > 0
}
