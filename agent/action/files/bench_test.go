//go:build linux

package files_test

import (
	"os"
	"strconv"
	"testing"

	"runner/agent/action"
	"runner/agent/action/actiontest"
	"runner/agent/action/catalog"
	"runner/agent/wire"
)

// What a task costs on the target beside its work, decoded and in a pipeline of many.

func BenchmarkFileUnchanged(b *testing.B) {
	dir := b.TempDir()
	actiontest.OK(b, os.MkdirAll(dir+"/etc/app", 0o755))
	a := args{"path": dir + "/etc/app/x", "content": "hello\n", "mode": "0640", "owner": "root"}
	actiontest.New(b).Must("file", a)
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
	bench := actiontest.New(b)
	env := bench.Env(wire.ModeApply)
	var file action.Definition
	for _, d := range catalog.All() {
		if d.Name == "file" {
			file = d
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		encoded, err := wire.Marshal(next(i))
		actiontest.OK(b, err)
		a, _, err := file.Decode(encoded)
		actiontest.OK(b, err)
		if _, err := actiontest.Run(b.Context(), env, a); err != nil {
			b.Fatal(err)
		}
	}
}
