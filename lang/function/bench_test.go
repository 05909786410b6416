package function_test

import "testing"

// What one evaluation for a host costs: ten thousand hosts times a hundred tasks have to be planned within seconds.
func BenchmarkCall(b *testing.B) {
	ctx := scope(b)
	for name, src := range map[string]string{
		"upper":        `upper("abc")`,
		"format":       `format("%s:%d", "a", 80)`,
		"templatefile": `templatefile("greeting.tftpl", { name = "you", ports = [80, 443] })`,
		"file":         `file("hello.txt")`,
		"merge":        `merge({ a = 1 }, { b = 2 })`,
	} {
		b.Run(name, func(b *testing.B) {
			expr := expression(b, src)
			for b.Loop() {
				if _, diags := expr.Value(ctx); diags.HasErrors() {
					b.Fatal(diags)
				}
			}
		})
	}
}
