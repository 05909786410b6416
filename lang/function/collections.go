package function

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

func collections() []entry {
	return []entry{
		{
			Doc: Doc{"alltrue", Collection, "list", "Whether all elements are true; so it is of an empty list.", []Example{
				{`alltrue([true, "true"])`, "true"},
				{`alltrue([])`, "true"},
			}},
			function: ofBools(false),
		},
		{
			Doc: Doc{"anytrue", Collection, "list", "Whether an element is true.", []Example{
				{`anytrue([false, true])`, "true"},
				{`anytrue([])`, "false"},
			}},
			function: ofBools(true),
		},
		{
			Doc: Doc{"chunklist", Collection, "list, size", "The list cut into lists of the size; the last may be shorter.", []Example{
				{`chunklist(["a", "b", "c"], 2)`, `[["a", "b"], ["c"]]`},
			}},
			function: stdlib.ChunklistFunc,
		},
		{
			Doc: Doc{"coalesce", Collection, "value...", "The first value that is neither null nor an empty text.", []Example{
				{`coalesce(null, "", "a", "b")`, `"a"`},
			}},
			function: coalesce(),
		},
		{
			Doc: Doc{"coalescelist", Collection, "list...", "The first list that is not empty.", []Example{
				{`coalescelist([], ["a"])`, `["a"]`},
			}},
			function: together(stdlib.CoalesceListFunc),
		},
		{
			Doc: Doc{"compact", Collection, "list", "The list of text without its empty and null elements.", []Example{
				{`compact(["a", "", null, "b"])`, `["a", "b"]`},
			}},
			function: stdlib.CompactFunc,
		},
		{
			Doc: Doc{"concat", Collection, "list...", "The lists one behind the other.", []Example{
				{`concat(["a"], ["b", "c"])`, `["a", "b", "c"]`},
			}},
			function: stdlib.ConcatFunc,
			limit:    togetherLimit,
		},
		{
			Doc: Doc{"contains", Collection, "list, value", "Whether the value is an element of the list or set.", []Example{
				{`contains(["a", "b"], "b")`, "true"},
			}},
			function: stdlib.ContainsFunc,
		},
		{
			Doc: Doc{"distinct", Collection, "list", "The list without repetitions: the first of equal elements stays.", []Example{
				{`distinct(["a", "b", "a"])`, `["a", "b"]`},
			}},
			function: distinct(),
		},
		{
			Doc: Doc{"element", Collection, "list, index", "The element at the index from 0, beginning again where the list ends; a negative index counts from the end.", []Example{
				{`element(["a", "b", "c"], 1)`, `"b"`},
				{`element(["a", "b", "c"], 3)`, `"a"`},
			}},
			function: stdlib.ElementFunc,
		},
		{
			Doc: Doc{"flatten", Collection, "list", "The list with the elements of lists within it in place of these, at any depth.", []Example{
				{`flatten([["a", ["b"]], [], ["c"]])`, `["a", "b", "c"]`},
			}},
			function: stdlib.FlattenFunc,
			limit: func(args []cty.Value) error {
				_, err := size(args...)
				return err
			},
		},
		{
			Doc: Doc{"index", Collection, "list, value", "The index from 0 of the first element that equals the value; it is an error if there is none.", []Example{
				{`index(["a", "b", "c"], "b")`, "1"},
			}},
			function: indexOf(),
		},
		{
			Doc: Doc{"keys", Collection, "map", "The keys of the map or object, in order.", []Example{
				{`keys({ b = 1, a = 2 })`, `["a", "b"]`},
			}},
			function: stdlib.KeysFunc,
		},
		{
			Doc: Doc{"length", Collection, "value", "The number of elements of a list, set or map, or of characters of a text.", []Example{
				{`length(["a", "b"])`, "2"},
				{`length("äöü")`, "3"},
			}},
			function: length(),
		},
		{
			Doc: Doc{"lookup", Collection, "map, key[, default]", "The element of the map or object under the key, or the default. Without a default a missing key is an error.", []Example{
				{`lookup({ a = "x" }, "a", "none")`, `"x"`},
				{`lookup({ a = "x" }, "b", "none")`, `"none"`},
			}},
			function: lookup(),
		},
		{
			Doc: Doc{"matchkeys", Collection, "values, keys, wanted", "Those of the values whose key, the element of keys at the same index, is among the wanted ones.", []Example{
				{`matchkeys(["i-1", "i-2", "i-3"], ["a", "b", "a"], ["a"])`, `["i-1", "i-3"]`},
			}},
			function: matchkeys(),
		},
		{
			Doc: Doc{"merge", Collection, "map...", "The elements of all the maps or objects; where keys are equal the later one wins.", []Example{
				{`merge({ a = 1, b = 2 }, { b = 3 })`, `{ a = 1, b = 3 }`},
			}},
			function: merge(),
			limit: func(args []cty.Value) error {
				const slower = 8 // each argument has a type of its own
				return atMostElements(len(args) * slower)
			},
		},
		{
			Doc: Doc{"one", Collection, "list", "The element of a list of one, null for an empty list; more elements are an error.", []Example{
				{`one(["a"])`, `"a"`},
				{`one([])`, "null"},
			}},
			function: one(),
		},
		{
			Doc: Doc{"range", Collection, "[start, ]limit[, step]", "The numbers from start (0) up to, without, the limit; at most 1,024 of them.", []Example{
				{`range(3)`, `[0, 1, 2]`},
				{`range(1, 8, 3)`, `[1, 4, 7]`},
			}},
			function: stdlib.RangeFunc,
			limit: func(args []cty.Value) error {
				if len(args) == 3 && args[2].AsBigFloat().Sign() == 0 {
					return function.NewArgErrorf(2, "step must not be zero")
				}
				return nil
			},
		},
		{
			Doc: Doc{"reverse", Collection, "list", "The list in reverse order.", []Example{
				{`reverse([1, 2, 3])`, `[3, 2, 1]`},
			}},
			function: stdlib.ReverseListFunc,
		},
		{
			Doc: Doc{"slice", Collection, "list, start, end", "The elements from the start index up to, without, the end index.", []Example{
				{`slice(["a", "b", "c", "d"], 1, 3)`, `["b", "c"]`},
			}},
			function: stdlib.SliceFunc,
		},
		{
			Doc: Doc{"sort", Collection, "list", "The list of text in the order of its characters' codes.", []Example{
				{`sort(["b", "a", "C"])`, `["C", "a", "b"]`},
			}},
			function: stdlib.SortFunc,
		},
		{
			Doc: Doc{"sum", Collection, "list", "The sum of the numbers of a list or set, which must not be empty.", []Example{
				{`sum([1, 2.5, 3])`, "6.5"},
			}},
			function: sum(),
		},
		{
			Doc: Doc{"transpose", Collection, "map", "A map of lists of text turned around: under each text the keys whose list has it.", []Example{
				{`transpose({ a = ["1", "2"], b = ["2"] })`, `{ "1" = ["a"], "2" = ["a", "b"] }`},
			}},
			function: transpose(),
		},
		{
			Doc: Doc{"values", Collection, "map", "The values of the map or object, in the order of their keys.", []Example{
				{`values({ b = 1, a = 2 })`, `[2, 1]`},
			}},
			function: stdlib.ValuesFunc,
		},
		{
			Doc: Doc{"zipmap", Collection, "keys, values", "A map of the keys with the values at the same indices.", []Example{
				{`zipmap(["a", "b"], [1, 2])`, `{ a = 1, b = 2 }`},
			}},
			function: stdlib.ZipmapFunc,
		},
	}
}
