package function

import (
	"errors"
	"time"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

func (s *scope) times() []entry {
	return []entry{
		{
			Doc: Doc{"formatdate", Time, "format, timestamp", "The time in another form: YYYY, MM, DD, hh, mm, ss, EEE (day of the week), MMM (month), Z (zone) and their variations; what is in single quotes stays.", []Example{
				{`formatdate("DD.MM.YYYY 'at' hh:mm", "2026-03-01T12:30:00Z")`, `"01.03.2026 at 12:30"`},
			}},
			function: stdlib.FormatDateFunc,
			limit:    shortText(0, maxPattern),
		},
		{
			Doc: Doc{"timeadd", Time, "timestamp, duration", "The time that is a duration such as 1h30m later; with a minus sign earlier.", []Example{
				{`timeadd("2026-03-01T12:30:00Z", "-30m")`, `"2026-03-01T12:00:00Z"`},
			}},
			function: define(cty.String, timeAdd, text("timestamp"), text("duration")),
		},
		{
			Doc: Doc{"timecmp", Time, "timestamp, other", "-1, 0 or 1: whether the first time is before, at or after the other.", []Example{
				{`timecmp("2026-03-01T12:30:00Z", "2026-03-01T13:30:00+01:00")`, "0"},
			}},
			function: define(cty.Number, timeCompare, text("timestamp"), text("other")),
		},
		{
			Doc: Doc{"timestamp", Time, "", "The time of the run, in UTC, as RFC 3339 has it: the same for every call.", []Example{
				{`timestamp() == timestamp()`, `true`},
			}},
			function: define(cty.String, func([]cty.Value) (cty.Value, error) {
				return cty.StringVal(s.run.Time.UTC().Format(time.RFC3339)), nil
			}),
		},
	}
}

// timeArgument parses an argument that is a time.
func timeArgument(args []cty.Value, i int) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, args[i].AsString())
	if err != nil {
		return t, function.NewArgErrorf(i, "must be a time such as 2026-03-01T12:30:00Z")
	}
	return t, nil
}

func timeAdd(args []cty.Value) (cty.Value, error) {
	t, err := timeArgument(args, 0)
	if err != nil {
		return cty.NilVal, err
	}
	d, err := time.ParseDuration(args[1].AsString())
	if err != nil {
		return cty.NilVal, function.NewArgErrorf(1, "must be a duration such as 1h30m")
	}
	t = t.Add(d)
	if year := t.Year(); year < 0 || year > 9999 {
		return cty.NilVal, errors.New("there is no such time")
	}
	return cty.StringVal(t.Format(time.RFC3339)), nil
}

func timeCompare(args []cty.Value) (cty.Value, error) {
	a, err := timeArgument(args, 0)
	if err != nil {
		return cty.NilVal, err
	}
	b, err := timeArgument(args, 1)
	if err != nil {
		return cty.NilVal, err
	}
	return cty.NumberIntVal(int64(a.Compare(b))), nil
}
