package syntax

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"runner/lang/guard"
)

// TestPieces compares a long template that is parsed in pieces with what HCL makes of the whole.
func TestPieces(t *testing.T) {
	var b strings.Builder
	for i := range 400 {
		fmt.Fprintf(&b, "line %d of text that is long enough to count\n", i)
		switch i % 50 {
		case 7:
			b.WriteString("%{ if n > 1 ~}\n  x ${n}\n\n" + strings.Repeat("inside\n", 5000/7) + "%{ endif ~}\n   \n  y\n")
		case 11:
			b.WriteString("\n\n  ${~ n ~}\n\n text ${\nn} $${n} %%{n}\r\n")
		}
	}
	src := []byte(b.String())
	pieces := guard.Pieces(src)
	if len(pieces) < 5 {
		t.Fatalf("%d pieces", len(pieces))
	}
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{"n": cty.NumberIntVal(2)}}
	whole, diags := hclsyntax.ParseTemplate(src, "t", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	want, diags := whole.Value(ctx)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	parsed, diags := Template(src, "t", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if got, diags := parsed.Value(ctx); diags.HasErrors() || !got.RawEquals(want) {
		t.Errorf("not the same: %v", diags)
	}

	// An error far down is where it is.
	_, diags = Template(append(src, "${n + }\n"...), "t", hcl.InitialPos)
	if line := strings.Count(b.String(), "\n") + 1; !diags.HasErrors() || diags[0].Subject.Start.Line != line || diags[0].Subject.Start.Byte < len(src) {
		t.Errorf("not on line %d: %v", line, diags)
	}
}
