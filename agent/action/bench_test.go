//go:build linux

package action

import (
	"os"
	"strconv"
	"testing"

	"runner/agent/wire"
)

// What a task costs on the target beside its work, decoded and in a pipeline of many.

func BenchmarkFileUnchanged(b *testing.B) {
	dir := b.TempDir()
	ok(b, os.MkdirAll(dir+"/etc/app", 0o755))
	a := args{"path": dir + "/etc/app/x", "content": "hello\n", "mode": "0640", "owner": "root"}
	newBench(b).must("file", a)
	each(b, func(int) args { return a })
}

func BenchmarkFileCreate(b *testing.B) {
	dir := b.TempDir()
	each(b, func(i int) args { return args{"path": dir + "/" + strconv.Itoa(i)} })
}

func BenchmarkFileReplace(b *testing.B) {
	path := b.TempDir() + "/x"
	each(b, func(i int) args { return args{"path": path, "content": "hello " + strconv.Itoa(i) + "\n"} })
}

func each(b *testing.B, next func(i int) args) {
	b.Helper()
	bench := newBench(b)
	env := bench.env(wire.ModeApply)
	var file Definition
	for _, d := range All() {
		if d.Name == "file" {
			file = d
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		encoded, err := wire.Marshal(next(i))
		ok(b, err)
		a, _, err := file.Decode(encoded, nil)
		ok(b, err)
		if _, err := run(b.Context(), env, a); err != nil {
			b.Fatal(err)
		}
	}
}
