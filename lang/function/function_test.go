package function_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"runner/lang/diag"
	"runner/lang/function"
)

// scope is what the calls of these tests see.
func scope(t testing.TB) *hcl.EvalContext {
	t.Helper()
	dir, err := filepath.Abs("testdata/files")
	if err != nil {
		t.Fatal(err)
	}
	when := time.Date(2026, 3, 1, 12, 30, 0, 0, time.UTC)
	return &hcl.EvalContext{
		Functions: function.Functions(function.Options{
			Dir:     dir,
			Environ: []string{"GREETING=hello", "EMPTY=", "HOME=" + dir},
			Run:     &function.Run{Once: function.Once{Time: when, UUID: "11111111-2222-4333-8444-555555555555"}},
		}),
		Variables: map[string]cty.Value{
			"dir":     cty.StringVal(dir),
			"secret":  cty.StringVal("hunter2").Mark(function.Sensitive),
			"unknown": cty.UnknownVal(cty.String),
			"later":   cty.DynamicVal,
		},
	}
}

func expression(t testing.TB, src string) hcl.Expression {
	t.Helper()
	expr, diags := hclsyntax.ParseExpression([]byte(src), "site.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%s: %v", src, diags)
	}
	return expr
}

// evaluate returns the value of an expression, or what Own makes of its errors.
func evaluate(t testing.TB, src string, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	t.Helper()
	v, diags := expression(t, src).Value(ctx)
	return v, diag.Own(diags, diag.Evaluate)
}

// check evaluates a call and compares it with an expression. Tuples and objects stand for lists, sets and maps.
func check(t *testing.T, ctx *hcl.EvalContext, call, result string) {
	t.Helper()
	got, diags := evaluate(t, call, ctx)
	if diags.HasErrors() {
		t.Errorf("%s: %v", call, diags)
		return
	}
	want, diags := evaluate(t, result, nil)
	if diags.HasErrors() {
		t.Fatalf("%s: %v", result, diags)
	}
	got, _ = got.UnmarkDeep()
	converted, err := convert.Convert(want, got.Type())
	if err != nil || !got.IsWhollyKnown() || !converted.RawEquals(got) {
		t.Errorf("%s is %#v, not %#v (%v)", call, got, want, err)
	}
}

// calls are the lines of testdata/calls: CALL -> RESULT, or CALL !> PART OF THE ERROR.
func calls(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/calls/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no calls", err)
	}
	var out []string
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, strings.Split(strings.TrimSpace(string(content)), "\n")...)
	}
	return out
}

// goType finds what only a Go program would say.
var goType = regexp.MustCompile(`cty\.|\*?big\.|\[\]string|\binterface\b|\bnil\b|0x[0-9a-f]{6}|panic|goroutine|%!|int64|float64|reflect|strconv`)

func TestCalls(t *testing.T) {
	ctx := scope(t)
	key, ciphertext := encrypted(t)
	ctx.Variables["key"], ctx.Variables["ciphertext"] = cty.StringVal(key), cty.StringVal(ciphertext)
	times := map[string]int{}
	for _, line := range calls(t) {
		for name := range ctx.Functions {
			if regexp.MustCompile(`\b` + name + `\(`).MatchString(line) {
				times[name]++
			}
		}
		if call, result, ok := strings.Cut(line, " -> "); ok {
			check(t, ctx, call, result)
			continue
		}
		call, want, ok := strings.Cut(line, " !>")
		if !ok {
			t.Fatalf("%q is no case", line)
		}
		v, diags := evaluate(t, call, ctx)
		if !diags.HasErrors() {
			t.Errorf("%s is %#v and no error", call, v)
			continue
		}
		text := diags[0].Detail
		if s := diags[0].Subject; s != nil {
			text = filepath.Base(s.Filename) + " line " + strconv.Itoa(s.Start.Line) + ": " + diags[0].Summary + "; " + text
		}
		want = strings.TrimSpace(want)
		if !strings.Contains(text, want) {
			t.Errorf("%s fails with %q, not %q", call, text, want)
		}
		if found := goType.FindString(text); found != "" {
			t.Errorf("%s: the error shows Go (%q): %s", call, found, text)
		}
	}
	for name := range ctx.Functions {
		if times[name] < 3 {
			t.Errorf("%s has only %d cases", name, times[name])
		}
	}
}

// Errors of functions begin with a small letter and end without a full stop, unless they are sentences.
func TestErrorsBeginSmall(t *testing.T) {
	ctx := scope(t)
	for _, line := range calls(t) {
		call, _, ok := strings.Cut(line, " !>")
		if !ok || strings.Contains(call, "key") {
			continue
		}
		_, diags := evaluate(t, call, ctx)
		err := functionError(diags)
		if _, template := errors.AsType[*diag.TemplateError](err); err == nil || template {
			continue
		}
		if first := err.Error()[:1]; first != strings.ToLower(first) && !regexp.MustCompile(`^(CSV|YAML|EOF|JSON)`).MatchString(err.Error()) {
			t.Errorf("%s: %q begins with a capital letter", call, err)
		}
	}
}

func functionError(diags hcl.Diagnostics) error {
	for _, d := range diags {
		if call, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d); ok {
			return call.FunctionCallError()
		}
	}
	return nil
}

// encrypted returns a private key and a text that is encrypted for it.
func encrypted(t *testing.T) (key, ciphertext string) {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)})
	raw, err := rsa.EncryptPKCS1v15(rand.Reader, &private.PublicKey, []byte("secret")) //nolint:staticcheck // what the function decrypts
	if err != nil {
		t.Fatal(err)
	}
	return string(block), base64.StdEncoding.EncodeToString(raw)
}

// The examples of the reference are true.
func TestReference(t *testing.T) {
	ctx := scope(t)
	var names []string
	for _, d := range function.Reference() {
		names = append(names, d.Name)
		for _, e := range d.Examples {
			check(t, ctx, e.Call, e.Result)
		}
		if d.Text == "" || !strings.HasSuffix(d.Text, ".") && !strings.HasSuffix(d.Text, ").") {
			t.Errorf("%s: %q is no sentence", d.Name, d.Text)
		}
		if !slices.Contains(function.Groups(), d.Group) {
			t.Errorf("%s is in no group", d.Name)
		}
		params, rest := ctx.Functions[d.Name].Params(), ctx.Functions[d.Name].VarParam()
		described := 0
		if d.Parameters != "" {
			described = 1 + strings.Count(strings.Split(d.Parameters, "[")[0], ",")
		}
		if strings.HasSuffix(d.Parameters, "...") || strings.HasPrefix(d.Parameters, "[") {
			described--
		}
		if described != len(params) || strings.ContainsAny(d.Parameters, ".[") != (rest != nil) {
			t.Errorf("%s(%s) takes %d arguments and further ones: %v", d.Name, d.Parameters, len(params), rest != nil)
		}
	}
	if len(names) != len(ctx.Functions) {
		t.Errorf("%d functions are described, there are %d", len(names), len(ctx.Functions))
	}
}

// terraform lists the functions of Terraform 1.9 as its documentation does, but for plantimestamp and those of
// providers; templatestring and strcontains among them came late.
const terraform = `
	abs ceil floor log max min parseint pow signum
	chomp endswith format formatlist indent join lower regex regexall replace split startswith strcontains strrev
	substr templatestring title trim trimprefix trimspace trimsuffix upper
	alltrue anytrue chunklist coalesce coalescelist compact concat contains distinct element flatten index keys length
	lookup matchkeys merge one range reverse setintersection setproduct setsubtract setunion slice sort sum transpose
	values zipmap
	base64decode base64encode base64gzip csvdecode jsondecode jsonencode textdecodebase64 textencodebase64 urlencode
	yamldecode yamlencode
	abspath dirname pathexpand basename file fileexists fileset filebase64 templatefile
	formatdate timeadd timecmp timestamp
	base64sha256 base64sha512 bcrypt filebase64sha256 filebase64sha512 filemd5 filesha1 filesha256 filesha512 md5
	rsadecrypt sha1 sha256 sha512 uuid uuidv5
	cidrhost cidrnetmask cidrsubnet cidrsubnets
	can issensitive nonsensitive sensitive tobool tolist tomap tonumber toset tostring try type`

func TestNames(t *testing.T) {
	want := append(strings.Fields(terraform), "env")
	var got []string
	for name := range scope(t).Functions {
		got = append(got, name)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// evaluateLoosely evaluates what may not even be an expression; both results are empty then.
func evaluateLoosely(src string, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	expr, diags := hclsyntax.ParseExpression([]byte(src), "site.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		return cty.NilVal, nil
	}
	v, diags := expr.Value(ctx)
	if diags.HasErrors() {
		return cty.NilVal, diag.Own(diags, diag.Evaluate)
	}
	return v, nil
}
