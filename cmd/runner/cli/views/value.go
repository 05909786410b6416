package views

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"runner/cmd/runner/cli/style"
	"runner/executor/event"
	"runner/lang/diag"
)

// Value prints a plain value as HCL, over several lines where it is long. It is harmless to a terminal. indent stands
// before every line but the first.
func Value(v any, indent string) string {
	const wide = 72
	if flat := flatValue(v); style.Columns(flat) <= wide {
		return flat
	}
	switch v := v.(type) {
	case []any:
		var b strings.Builder
		b.WriteString("[\n")
		for _, e := range v {
			b.WriteString(indent + "  " + Value(e, indent+"  ") + ",\n")
		}
		return b.String() + indent + "]"
	case map[string]any:
		var b strings.Builder
		b.WriteString("{\n")
		keys, widest := keysOf(v)
		for _, k := range keys {
			b.WriteString(indent + "  " + style.Pad(keyName(k), widest) + " = " + Value(v[k], indent+"  ") + "\n")
		}
		return b.String() + indent + "}"
	case string:
		if lines := strings.Split(strings.TrimSuffix(v, "\n"), "\n"); len(lines) > 1 {
			return heredoc(lines, indent)
		}
	}
	return flatValue(v)
}

// heredoc shows text of several lines, as much of it as somebody reads.
func heredoc(lines []string, indent string) string {
	const most = 20
	rest := 0
	if len(lines) > most {
		rest = len(lines) - most
		lines = lines[:most]
	}
	var b strings.Builder
	b.WriteString("<<-EOT\n")
	for _, line := range lines {
		b.WriteString(indent + "  " + diag.HarmlessLine(strings.ReplaceAll(line, "\t", "    ")) + "\n")
	}
	if rest > 0 {
		fmt.Fprintf(&b, "%s  … %d more lines\n", indent, rest)
	}
	return b.String() + indent + "EOT"
}

// flatValue prints a value on one line.
func flatValue(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case string:
		if v == event.Hidden {
			return v
		}
		return quote(v)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1e15 {
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	case json.Number:
		return diag.HarmlessLine(v.String())
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = flatValue(e)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		if len(v) == 0 {
			return "{}"
		}
		keys, _ := keysOf(v)
		parts := make([]string, len(keys))
		for i, k := range keys {
			parts[i] = keyName(k) + " = " + flatValue(v[k])
		}
		return "{ " + strings.Join(parts, ", ") + " }"
	}
	return diag.HarmlessLine(fmt.Sprint(v))
}

// quote prints a string as HCL does, cut when it is very long.
func quote(s string) string {
	const most = 2000
	cut := ""
	if runes := []rune(s); len(s) > most && len(runes) > most {
		s, cut = string(runes[:most]), fmt.Sprintf(" (%d more characters)", len(runes)-most)
	}
	s = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`, "\r", `\r`, "${", "$${", "%{", "%%{").Replace(s)
	return `"` + diag.HarmlessLine(s) + `"` + cut
}

func keysOf(m map[string]any) (keys []string, widest int) {
	keys = slices.Sorted(maps.Keys(m))
	for _, k := range keys {
		widest = max(widest, style.Columns(keyName(k)))
	}
	return keys, widest
}

// keyName prints a key of an object: quoted unless it is an identifier.
func keyName(k string) string {
	if identifier(k) {
		return k
	}
	return quote(k)
}

func identifier(s string) bool {
	for i, r := range s {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r != '-' && (r < '0' || r > '9')) {
			return false
		}
	}
	return s != ""
}
