package views

import (
	"strings"

	"runner/cmd/runner/cli/style"
	"runner/executor/event"
	"runner/lang/diag"
)

// longestLine is how much of a line without an end is kept before it is shown in pieces.
const longestLine = 64 << 10

// output shows what a task prints, in whole lines with the host in front, so that those of several hosts do not mix.
func (r *report) output(e event.Output) {
	r.told[source{e.Host, e.Address, ""}] = true
	key := source{e.Host, e.Address, e.Stream}
	text := r.partial[key] + e.Text
	for {
		line, rest, ok := strings.Cut(text, "\n")
		if !ok {
			break
		}
		r.outputLine(key, line)
		text = rest
	}
	if len(text) > longestLine {
		r.outputLine(key, text)
		text = ""
	}
	if text == "" {
		delete(r.partial, key)
		return
	}
	r.partial[key] = text
}

func (r *report) outputLine(from source, line string) {
	line = strings.TrimSuffix(line, "\r")
	head := diag.HarmlessLine(from.host)
	if !r.o.Exec {
		head += ": " + diag.HarmlessLine(from.address)
	}
	mark := " | "
	if from.stream == "stderr" {
		mark = r.Paint(style.Yellow, mark)
	}
	// A tab stays a tab; what else would act on a terminal is written out.
	r.print("%s%s%s\n", r.Paint(style.Dim, head), mark, diag.Harmless(line))
}

// flushOutput shows the last line of a task's output if it has no end.
func (r *report) flushOutput(host, address string) {
	for _, stream := range []string{"stdout", "stderr"} {
		key := source{host, address, stream}
		if text, ok := r.partial[key]; ok {
			r.outputLine(key, text)
			delete(r.partial, key)
		}
	}
}

// recordedOutput shows what a task has printed where nobody has heard of it while it ran: a run that is on record is shown.
func (r *report) recordedOutput(e event.TaskEnd) {
	if !r.o.Exec && !r.o.Verbose || r.told[source{e.Host, e.Address, ""}] || e.Status == event.Skipped {
		return
	}
	result, _ := e.Result.(map[string]any)
	for _, stream := range []string{"stdout", "stderr"} {
		if text, _ := result[stream].(string); text != "" {
			r.output(event.Output{Address: e.Address, Host: e.Host, Stream: stream, Text: text})
		}
	}
	if cut, _ := result["truncated"].(bool); cut {
		r.outputLine(source{e.Host, e.Address, ""}, "(some of this output is not on record)")
	}
}

// execEnd shows how a command of `runner exec` ended, where that is more than well. Its output came before.
func (r *report) execEnd(e event.TaskEnd) {
	host := diag.HarmlessLine(e.Host)
	switch e.Status {
	case event.OK, event.Changed:
		if r.o.Verbose {
			r.print("%s%s\n", r.Paint(style.Dim, host+" | "), r.Paint(style.Green, "done in "+style.Seconds(e.Seconds)))
		}
	case event.Unreachable:
		if !r.loses(e.Host, e.Failure, "") {
			return
		}
		r.print("%s%s\n", r.Paint(style.Dim, host+" | "), r.Paint(style.Red, e.Failure.Lost()+": "+reason(e.Error, e.Failure)))
		r.failure(e.Failure)
	default:
		text := string(e.Status)
		if e.Error != "" {
			text += ": " + reason(e.Error, e.Failure)
		}
		r.print("%s%s\n", r.Paint(style.Dim, host+" | "), r.Paint(style.Red, text))
		if e.Failure != nil && e.Failure.Hint != "" {
			r.print("    %s\n", diag.HarmlessLine(e.Failure.Hint))
		}
	}
}
