package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzOffline plans what is valid: whatever it is, an offline plan of it is shown, or says what is wrong.
func FuzzOffline(f *testing.F) {
	for _, pattern := range []string{"../../../lang/testdata/valid/*.hcl", "../../../lang/testdata/valid/*.json"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("no sites: %v", err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text), strings.HasSuffix(file, ".json"))
		}
	}
	dir := f.TempDir()
	nothing, err := os.Open(os.DevNull)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = nothing.Close() })
	f.Fuzz(func(t *testing.T, text string, isJSON bool) {
		for _, word := range []string{"exec", "bcrypt", "rsadecrypt"} {
			if strings.Contains(text, word) {
				return // a program is not run for this, and some functions are slow on purpose
			}
		}
		path := filepath.Join(dir, "x.hcl")
		if isJSON {
			path += ".json"
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.Remove(path) }()
		run := func(args ...string) (int, string) {
			out, err := os.Create(filepath.Join(dir, "output"))
			if err != nil {
				t.Fatal(err)
			}
			p := Program{In: nothing, Out: out, Err: out, Environ: []string{"HOME=" + dir}}
			status := p.Main(args)
			_ = out.Close()
			said, err := os.ReadFile(out.Name())
			if err != nil {
				t.Fatal(err)
			}
			return status, string(said)
		}
		if status, _ := run("validate", path); status != 0 {
			return
		}
		status, said := run("plan", "--offline", path)
		if status != 0 && status != int(exitWrong) && status != int(exitFailed) || strings.Contains(said, "bug in runner") {
			t.Errorf("it ended with %d: %s", status, said)
		}
	})
}
