package function

import (
	"errors"
	"math"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

func numeric() []entry {
	return []entry{
		{
			Doc: Doc{"abs", Numeric, "number", "The number without its sign.", []Example{
				{"abs(-12.4)", "12.4"},
			}},
			function: stdlib.AbsoluteFunc,
		},
		{
			Doc: Doc{"ceil", Numeric, "number", "The nearest whole number that is not smaller.", []Example{
				{"ceil(5.1)", "6"},
			}},
			function: stdlib.CeilFunc,
		},
		{
			Doc: Doc{"floor", Numeric, "number", "The nearest whole number that is not larger.", []Example{
				{"floor(5.9)", "5"},
			}},
			function: stdlib.FloorFunc,
		},
		{
			Doc: Doc{"log", Numeric, "number, base", "The logarithm of the number in the base.", []Example{
				{"log(1024, 2)", "10"},
			}},
			function: finite(func(x, base float64) float64 { return math.Log(x) / math.Log(base) }, "number", "base"),
		},
		{
			Doc: Doc{"max", Numeric, "number...", "The largest of the numbers.", []Example{
				{"max(3, 12, 9)", "12"},
				{"max([3, 12, 9]...)", "12"},
			}},
			function: stdlib.MaxFunc,
		},
		{
			Doc: Doc{"min", Numeric, "number...", "The smallest of the numbers.", []Example{
				{"min(3, 12, 9)", "3"},
			}},
			function: stdlib.MinFunc,
		},
		{
			Doc: Doc{"parseint", Numeric, "string, base", "The whole number that the text is in a base from 2 to 62.", []Example{
				{`parseint("ff", 16)`, "255"},
				{`parseint("0640", 8)`, "416"},
			}},
			function: stdlib.ParseIntFunc,
			limit:    shortText(0, maxBits/4),
		},
		{
			Doc: Doc{"pow", Numeric, "number, power", "The number raised to the power.", []Example{
				{"pow(3, 2)", "9"},
			}},
			function: finite(math.Pow, "number", "power"),
		},
		{
			Doc: Doc{"signum", Numeric, "number", "-1, 0 or 1: the sign of the number.", []Example{
				{"signum(-13)", "-1"},
			}},
			function: stdlib.SignumFunc,
		},
	}
}

// finite makes a function of two numbers that is worked out in floating point.
func finite(impl func(a, b float64) float64, a, b string) function.Function {
	return define(cty.Number, func(args []cty.Value) (cty.Value, error) {
		x, _ := args[0].AsBigFloat().Float64()
		y, _ := args[1].AsBigFloat().Float64()
		out := impl(x, y)
		if math.IsNaN(out) || math.IsInf(out, 0) {
			return cty.NilVal, errors.New("there is no such number, or it is too large")
		}
		return cty.NumberFloatVal(out), nil
	}, number(a), number(b))
}

// shortText limits the bytes of an argument.
func shortText(arg, most int) func([]cty.Value) error {
	return func(args []cty.Value) error {
		if args[arg].Type() == cty.String && len(args[arg].AsString()) > most {
			return function.NewArgErrorf(arg, "the text is longer than %d bytes", most)
		}
		return nil
	}
}
