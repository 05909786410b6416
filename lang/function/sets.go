package function

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

func sets() []entry {
	return []entry{
		{
			Doc: Doc{"setintersection", Collection, "set, other...", "The elements that all the sets have.", []Example{
				{`setintersection(["a", "b"], ["b", "c"])`, `["b"]`},
			}},
			function: stdlib.SetIntersectionFunc,
		},
		{
			Doc: Doc{"setproduct", Collection, "set...", "All combinations of an element of each of the sets or lists.", []Example{
				{`setproduct(["a", "b"], [1, 2])`, `[["a", 1], ["a", 2], ["b", 1], ["b", 2]]`},
			}},
			function: together(stdlib.SetProductFunc),
			limit: func(args []cty.Value) error {
				total := len(args)
				for _, arg := range args {
					if arg.CanIterateElements() {
						total *= arg.LengthInt()
					}
					if err := atMostElements(total); err != nil {
						return err
					}
				}
				return nil
			},
		},
		{
			Doc: Doc{"setsubtract", Collection, "set, other", "The elements of the set that the other one lacks.", []Example{
				{`setsubtract(["a", "b", "c"], ["a"])`, `["b", "c"]`},
			}},
			function: stdlib.SetSubtractFunc,
		},
		{
			Doc: Doc{"setunion", Collection, "set, other...", "The elements that any of the sets has.", []Example{
				{`setunion(["a", "b"], ["b", "c"])`, `["a", "b", "c"]`},
			}},
			function: stdlib.SetUnionFunc,
			limit:    setLimit,
		},
	}
}
