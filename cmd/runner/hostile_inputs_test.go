package main

import (
	"fmt"
	"strconv"
	"strings"
)

// hostiles are the inputs. Numbers are so large that what has no limit fills the memory or the stack.
func hostiles() []hostile {
	const many = 200_000
	r := strings.Repeat
	local := func(expr string) string { return "locals {\n  a = " + expr + "\n}\n" }
	row := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(strings.ReplaceAll(strings.ReplaceAll(format, "NEXT", strconv.Itoa(i+1)), "THIS", strconv.Itoa(i)))
		}
		return b.String()
	}
	locals := func(n int, first, format string) string {
		return "locals {\n  a0 = " + first + "\n" + row(n, "  aNEXT = "+format+"\n") + "}\n"
	}
	variable := "variable \"a\" {\n  type = any\n}\n"
	var out []hostile
	add := func(name, site string) { out = append(out, hostile{name: name, site: site}) }

	// Nesting.
	add("brackets", local(r("[", many)+r("]", many)))
	add("open brackets", local(r("[", many)))
	add("parentheses", local(r("(", many)+"1"+r(")", many)))
	add("objects", local(r("{a=", many)+"1"+r("}", many)))
	add("calls", local(r("abs(", many)+"1"+r(")", many)))
	add("not", local(r("!", many)+"true"))
	add("minus", local(r("-", many)+"1"))
	add("minus with blanks", local(r("- ", many)+"1"))
	add("sum", local("1"+r("+1", many)))
	add("sum of names", local("local.b"+r(" + local.b", many)))
	add("power of or", local("true"+r("||true", many)))
	add("comparisons", local("1"+r("==1", many)))
	add("conditions", local(r("true?1:", many)+"1"))
	add("conditions in conditions", local(r("true?", many)+"1"+r(":1", many)))
	add("templates in templates", local(r(`"${`, many)+"1"+r(`}"`, many)))
	add("heredocs in heredocs", local(r("<<E\n${", many)))
	add("blocks", r("a {\n", many)+r("}\n", many))
	add("one-line blocks", r("a { ", many)+r("}", many))
	add("indexes", local("local.b"+r("[0]", many)))
	add("attributes", local("local.b"+r(".c", many)))
	add("numbers as attributes", local("local.b"+r(".0", many)))
	add("splats", local("local.b"+r("[*]", many)))
	add("attribute splats", local("local.b"+r(".*", many)))
	add("for in for", local(r("[for x in ", many)+"[]"+r(": x]", many)))
	add("for in for values", local(r("[for x in [1] : ", many)+"1"+r("]", many)))
	add("directives", local(`"`+r("%{ if true }", many)+r("%{ endif }", many)+`"`))
	add("object types", "variable \"a\" {\n  type    = "+r("list(", many)+"any"+r(")", many)+"\n  default = null\n}\n")
	add("object types below the guard", "variable \"a\" {\n  type    = "+r("object({a=", 160)+"any"+r("})", 160)+"\n  default = "+r("{a=", 240)+"1"+r("}", 240)+"\n}\n")
	add("mixed brackets", local(r("([{", many)))
	add("wrong closings", local(r("([)", many)))
	add("a chain of locals", locals(5000, "1", "local.aTHIS"))
	add("a chain of sums", locals(5000, "1", "local.aTHIS + 1"))
	add("a chain of locals within functions", locals(5000, "[1]", "concat(local.aTHIS, [1])"))
	add("lists within lists", locals(2000, "1", "[local.aTHIS]"))
	add("objects within objects", locals(2000, "1", "{ a = local.aTHIS }"))
	add("a circle of locals", "locals {\n"+row(5000, "  aTHIS = local.aNEXT\n")+"  a5000 = local.a0\n}\n")
	add("hosts behind hosts", "host \"b0\" {\n  hop \"local\" {}\n}\n"+row(5000, "host \"bNEXT\" {\n  via = host.bTHIS\n  hop \"sudo\" {}\n}\n"))
	add("chains on chains", "chain \"b0\" {\n  hop \"local\" {}\n}\n"+row(5000, "chain \"bNEXT\" {\n  extends = chain.bTHIS\n  hop \"sudo\" {}\n}\n"))
	add("jobs after jobs", row(2000, "job \"bTHIS\" {\n  hosts = host.localhost\n  depends_on = [job.bNEXT]\n}\n"))

	// Size of the source.
	add("many locals", "locals {\n"+row(300_000, "  aTHIS = 1\n")+"}\n")
	add("many elements", local("["+r("1000000, ", many)+"]"))
	add("many keys", local("{\n"+row(many, "    key_THIS : 1\n")+"  }"))
	add("a large file", "# "+r("x", 9<<20))
	add("tokens", "locals {\n"+r("  a = []\n", many*2)+"}\n")
	add("tokens in one line", local("["+r("1,", 2_000_000)+"]"))
	add("newlines", local("["+r("\n", 4_000_000)+"]"))
	add("a long name", r("a", 7<<20)+" = 1\n")
	add("a long line that is wrong", "locals { a = \""+r("x", 7<<20)+"\" + }\n")
	add("a long string that is wrong", "host \""+r("x", 1<<20)+"\" {\n}\n")
	add("many labels", "host "+r(`"x" `, 300_000)+"{\n}\n")
	add("many labels without quotes", "host "+r(`x `, 300_000)+"{\n}\n")
	add("a long string without end", "locals { a = \""+r("x", 7<<20))
	add("a comment without end", "/*"+r("x", 7<<20))
	add("a heredoc without end", "locals {\n a = <<EOT\n"+r("x\n", 3<<20))
	add("escapes", local(`"`+r(`\u0041`, 1<<19)+`" + 1`))
	add("bad escapes", local(`"`+r(`\q`, 1<<20)+`"`))
	add("escaped templates", local(`"`+r(`$${`, 1<<21)+`" + 1`))
	add("interpolations", local(`"`+r("${1}", 1<<20)+`"`))
	add("interpolations below the guard", local(`"`+r("${1}", 140_000)+`" + 1`))
	add("bad characters", local(r("`", 1<<20)))
	add("invalid UTF-8", local(`"`+r("\xff", 1<<20)+`"`))
	add("invalid UTF-8 outside of text", r("\xff", 1<<20))
	add("NUL", local(`"`+r("\x00", 1<<20)+`"`)+"x\x00y = 1\n")
	add("a byte order mark", "\ufeffnothing {\n}\n")
	add("many byte order marks", r("\ufeff", 1<<20))
	add("CRLF", "locals {\r\n  a = local.b\r\n}\r\n")
	add("carriage returns", r("\r", 1<<20)+"x")
	add("UTF-16", "\xff\xfe"+r("a\x00", 1<<20))
	add("syntax errors", r("= = =\n", 100_000))
	add("unknown blocks", r("nothing {\n}\n", 20_000))
	add("unknown arguments", row(20_000, "aTHIS = 1\n"))
	add("unknown references", "locals {\n"+row(10_000, "  aTHIS = local.bTHIS\n")+"}\n")
	add("unknown references in one line", local("["+row(20_000, "local.bTHIS, ")+"]"))
	add("equal names", r("host \"a\" {\n  hop \"local\" {}\n}\n", 8000))
	add("equal locals", "locals {\n"+r("  a = 1\n", 20_000)+"}\n")
	add("unknown functions", local("["+row(20_000, "fTHIS(), ")+"]"))
	add("wrong calls", local("["+r("abs(true), ", 20_000)+"]"))
	add("suggestions for long names", "locals {\n"+row(300, "  a"+r("x", 2000)+"THIS = 1\n  bTHIS = local.a"+r("y", 2000)+"THIS\n")+"}\n")
	add("unknown actions", "job \"j\" {\n  hosts = host.localhost\n"+row(8000, "  task \"xTHIS\" \"tTHIS\" {\n  }\n")+"}\n")

	// Numbers.
	add("a large number", local("1e999999999"))
	add("a small number", local("1e-999999999"))
	add("a number of many digits", local(r("9", 4<<20)))
	add("a fraction of many digits", local("0."+r("9", 4<<20)))
	add("a square of squares", locals(40, "1e9000", "local.aTHIS * local.aTHIS"))
	add("a division of divisions", locals(60, "1e-9000", "local.aTHIS * local.aTHIS"))
	add("a large index", local("[1][1e9999]"))
	add("a large attribute", local("[1]."+r("9", 1<<20)))
	add("count", "host \"h\" {\n  count = 1e9\n  hop \"local\" {}\n}\n")
	add("count of a fraction", "host \"h\" {\n  count = 1e-9000\n  hop \"local\" {}\n}\n")
	add("many hosts", "host \"h\" {\n  for_each = { for i in setproduct(range(1000), range(500)) : \"${i[0]}-${i[1]}\" => 1 }\n  hop \"local\" {}\n}\n")

	// Evaluation.
	for _, expr := range []string{
		`format("%999999999s", "x")`, `format("%-999999999d", 1)`, `format("%.999999999f", 1)`, `format("%0999999999d", 1)`, `format("%[999999999]s", "x")`,
		`formatlist("%60000s", MANY)`, `range(1e9)`, `range(0, 1, 1e-9)`, `setproduct(range(1000), range(1000))`,
		`setproduct(range(100), range(100), range(100), range(100))`, `one([cidrsubnets("::/0", [for i in MANY : 64]...), 1])`,
		`one([[for i in MANY : cidrsubnet("::/0", 100, i)], 1])`, `join("x", [for i in MANY : format("%1000s", "x")])`,
		`indent(1e9, "a\nb")`, `indent(100000, join("\n", MANY))`, `replace(format("%60000s", "x"), " ", format("%60000s", "x"))`,
		`replace(format("%60000s", "x"), "/ /", format("%60000s", "x"))`, `replace(format("%60000s", "x"), "", format("%60000s", "x"))`,
		`chunklist(MANY, 1e-5)`, `chunklist(MANY, -1)`, `strrev(join("", [for i in range(1000) : format("%60000s", "x")]))`,
		`textencodebase64(join("", [for i in range(1000) : format("%60000s", "x")]), "UTF-16LE")`, `timeadd("2026-01-01T00:00:00Z", "999999999999999h")`,
		`one([timeadd("2026-01-01T00:00:00Z", join("", [for i in MANY : "1h"])), 1])`,
		`regex("(((((((((a{1,100}){1,100}){1,100})))))))", "a")`, `one([regexall("(a*)*b", format("%60000s", "x")), 1])`,
		`regexall("(x+x+)+y", join("", [for i in range(100) : format("%60000s", "x")]))`,
		`regex("` + r("(a|", 20_000) + r(")", 20_000) + `", "a")`, `regex("a{1000}{1000}", "a")`, `regex("[[:alpha:]]{1000}", "a")`,
		`[for a in range(1000) : [for b in range(1000) : [for c in range(1000) : 1]]]`,
		`{for a in range(1000) : a => {for b in range(1000) : b => 1}}`,
		`[for a in MANY : [for b in MANY : 1 if false]]`,
		`{for a in MANY : "x" => a...}["x"] + 1`,
		`"%{ for a in MANY }%{ for b in MANY }x%{ endfor }%{ endfor }"`,
		`jsondecode("` + r("[", 100_000) + `")`, `jsondecode("[` + r("1,", 400_000) + `1]")`, `jsondecode("1e999999999")`,
		`yamldecode("` + r("[", 100_000) + `")`, `yamldecode("` + r("- ", 100_000) + `")`, `csvdecode("a\n` + r(`1\n`, 300_000) + `")`,
		`yamldecode("` + r(`? `, 100_000) + `")`, `yamldecode("a: &a [` + r("1,", 1000) + `]\nb: [` + r("*a,", 10000) + `]")`,
		`yamldecode("` + r("!x ", 100_000) + `")`, `yamldecode("` + r("&a ", 100_000) + `")`,
		`csvdecode("` + row(100_000, "aTHIS,") + `\n` + r(",", 100_000) + `") + 1`, `csvdecode("` + row(5000, "aTHIS,") + `\n` + r(r(",", 5000)+`\n`, 40) + `") + 1`,
		`one([merge([for i in MANY : { "a${i}" = i }]...), 1])`, `concat([for i in range(1000) : range(1000)]...)`,
		`flatten([for i in range(1000) : [for j in range(1000) : [i]]])`, `one([distinct([for i in MANY : i]), 1])`,
		`one([zipmap([for i in MANY : "a${i}"], MANY), 1])`, `one([sort([for i in MANY : "a${i}"]), 1])`,
		`one([toset(MANY), 1])`, `one([setunion([for i in range(500) : toset(range(i, i + 500))]...), 1])`,
		`one([setsubtract(toset(MANY), toset(MANY)), 1])`, `one([transpose({ for i in range(300) : i => [for j in range(300) : "x${j}"] }), 1])`,
		`pow(10, 1e9)`, `pow(2, 8191) * pow(2, 8191) * pow(2, 8191)`, `parseint(format("%60000s", "1"), 36)`, `parseint("` + r("z", 1<<20) + `", 62)`,
		`tonumber("` + r("9", 1<<20) + `")`, `tonumber("1e999999999")`, `"1e999999999" + 1`, `"` + r("9", 1<<20) + `" + 1`, `log(1e9000, 1 + 1e-9000)`, `ceil("1e999999")`,
		`floor(1e-9000) + local.b`, `1 % 1e-9000 + local.b`,
		`file("/dev/zero")`, `file("/dev/tty")`, `file("/proc/self/mem")`, `file("/proc/kcore")`, `file("` + r("x", 1<<20) + `")`, `file("` + r("x/", 1<<19) + `")`,
		`fileset("/", "**")`, `fileset("/", "` + r("{a,b}", 1000) + `")`, `fileset("/", "` + r("*", 10000) + `")`, `filesha256("/dev/zero")`,
		`bcrypt("x", 31)`, `base64decode("` + r("=", 1<<20) + `")`, `base64gzip(join("", [for i in range(1000) : format("%60000s", "x")]))`,
		`urlencode(join("", [for i in range(150) : format("%60000s", "x")]))`, `jsonencode([for i in range(150) : format("%60000s", "x")])`,
		`templatestring("$${` + r("[", 100_000) + `", {})`, `templatestring("` + r("%%{ if true }", 10_000) + `", {})`, `templatefile("t", {})`,
		`formatdate("` + r("YYYY", 1<<20) + `", "2026-01-01T00:00:00Z")`, `formatdate("` + r("'", 1<<20) + `", "2026-01-01T00:00:00Z")`,
		`title(join("", [for i in range(150) : format("%60000s", "x")]))`, `lower(1e9000) + 1`, `substr(join("", [for i in range(150) : format("%60000s", "x")]), 0, 1)`,
		`trim(format("%60000s", "x"), format("%60000s", "x")) + 1`, `trimspace(join("", [for i in range(150) : format("%60000s", "x")]))`,
		`split("", join("", [for i in range(10) : format("%60000s", "x")]))`, `try(` + r("local.b, ", 20_000) + `1) + true`,
		`one([can([for a in range(1000) : [for b in range(1000) : 1]]), 1])`, `coalesce([for i in MANY : ""]...)`,
		`uuidv5("dns", join("", [for i in range(150) : format("%60000s", "x")]))`, `slice(MANY, 0, 1e9)`, `element([], 1e9000)`, `index(MANY, -1)`,
		`sum([for i in MANY : 1e9000]) * 1e9000`, `lookup({}, join("", [for i in range(150) : format("%60000s", "x")]))`,
		`startswith(1, [for i in MANY : i])`, `rsadecrypt("` + r("A", 1<<20) + `", "` + r("x", 1<<20) + `")`, `cidrhost("::/0", pow(2, 2000))`, `cidrhost("::/0", 1e9999)`,
		`one([[for a in MANY : a][*][*][*], 1])`, `one([alltrue([for i in MANY : true]), 1])`, `regexall(".", join("", [for i in range(100) : format("%60000s", "x")]))`,
	} {
		add(fmt.Sprintf("%.60s", expr), local(strings.ReplaceAll(expr, "MANY", manyNumbers)))
	}
	add("strings that double", locals(40, `"0123456789"`, `"${local.aTHIS}${local.aTHIS}"`))
	add("strings that grow by format", locals(40, `"0123456789"`, `format("%s%s", local.aTHIS, local.aTHIS)`))
	add("strings that grow by join", locals(40, `"0123456789"`, `join("", [local.aTHIS, local.aTHIS])`))
	add("strings that grow by replace", locals(40, `"0123456789"`, `replace(local.aTHIS, "0", local.aTHIS)`))
	add("many large strings", locals(40, `"x"`, `"${format("%60000s", "x")}${join("", [for i in range(100) : format("%60000sNEXT", "x")])}"`)+local("nothing"))
	add("lists that double", locals(40, "[1]", "concat(local.aTHIS, local.aTHIS)"))
	add("lists in lists that double", locals(40, "1", "[local.aTHIS, local.aTHIS]"))
	add("objects that double", locals(40, "1", "{ a = local.aTHIS, b = local.aTHIS }"))
	add("maps that double", locals(40, "1", "tomap({ a = local.aTHIS, b = local.aTHIS })"))
	add("sets that double", locals(40, "[1]", "setunion(local.aTHIS, [for x in local.aTHIS : \"${x}-THIS\" ])"))
	add("products that double", locals(40, "[1, 2]", "setproduct(local.aTHIS, local.aTHIS)"))
	add("JSON that doubles", locals(40, `"x"`, "jsonencode([local.aTHIS, local.aTHIS])"))
	add("JSON in JSON", locals(100, `"\""`, "jsonencode(local.aTHIS)"))
	add("types that double", "variable \"a\" {\n  type    = "+r("object({a=", 150)+"any"+r("})", 150)+"\n  default = {}\n}\n"+locals(40, "var.a", "{ a = local.aTHIS, b = local.aTHIS }"))
	add("many lists", "locals {\n"+row(1000, "  aTHIS = setproduct(range(100), range(100))\n")+"}\n"+local("nothing"))
	add("many lists of one name", "locals {\n  x = "+manyNumbers+"\n"+row(300, "  aTHIS = [for x in local.x : x + THIS]\n")+"}\n")
	add("lists of hosts", "host \"h\" {\n  count = 10000\n  vars = { a = range(1000) }\n  hop \"local\" {}\n}\n"+local("nothing"))
	add("values of hosts", "host \"h\" {\n  count = 10000\n  vars = { a = join(\"\", [for i in range(100) : format(\"%60000s\", count.index)]) }\n  hop \"local\" {}\n}\n")
	add("labels of hosts", "host \"h\" {\n  count = 100000\n  hop \"local\" {}\n  labels = { a = join(\"\", [for x in range(1000) : \"xxxxxxxxxx\"]) }\n}\n")
	add("text in labels", "host \"h\" {\n  count = 100000\n  hop \"local\" {}\n  labels = { a = \""+r("x", 100_000)+"\" }\n}\n")
	add("loops on hosts", "host \"h\" {\n  count = 100000\n  hop \"local\" {}\n  vars = { a = length([for x in range(1000) : x]) }\n}\n")
	onHosts := func(content string) string {
		return "host \"h\" {\n  count = 3000\n  hop \"local\" {}\n}\nlocals {\n  long = format(\"%60000s\", \"x\")\n}\njob \"j\" {\n  hosts = host.h\n  task \"file\" \"f\" {\n    path = \"/f\"\n    content = " + content + "\n  }\n}\n"
	}
	add("loops in tasks", onHosts(`join("", [for x in range(1000) : "${self.name}xxxxxxxxx"])`))
	add("text in tasks on hosts", onHosts("upper(\"${self.name}"+r("${local.long}", 10)+"\")"))
	add("a collection of many types", "variable \"a\" {\n  type    = map(object({ a = list(any) }))\n  default = { b = { a = ["+row(4000, "{ aTHIS = 1 }, ")+"] } }\n}\n")
	add("a collection of many types that is wrong", "variable \"a\" {\n  type    = object({ a = list(any), b = number })\n  default = { a = ["+row(4000, "{ aTHIS = 1 }, ")+"], b = \"x\" }\n}\n")
	add("tasks of tasks", "job \"j\" {\n  hosts = host.localhost\n  task \"command\" \"c\" {\n    for_each = "+manyNumbers+"\n    argv = [each.value.x]\n  }\n}\n")
	add("text in tasks", "job \"j\" {\n  hosts = host.localhost\n  task \"file\" \"c\" {\n    for_each = setproduct(range(100), range(100))\n    path = \"/x${each.key}\"\n    content = join(\"\", [for i in range(100) : format(\"%60000s\", \"${each.key}\")])\n    mode = \"99999\"\n  }\n}\n")
	return append(out, hostileElsewhere(variable)...)
}

// manyNumbers is an expression for a list of 40,000 numbers, which is allowed: range gives at most 1,024.
const manyNumbers = "[for p in setproduct(range(200), range(200)) : p[0] * 1000 + p[1]]"

// hostileElsewhere are inputs that do not stand in the site's own file.
func hostileElsewhere(variable string) []hostile {
	const many = 200_000
	r := strings.Repeat
	deep := r("[", many) + r("]", many)
	var manyKeys strings.Builder
	for i := range 300_000 {
		fmt.Fprintf(&manyKeys, `"a%d": 1, `, i)
	}
	return []hostile{
		{name: "JSON site", files: map[string]string{"site.hcl.json": `{"locals": {"a": ` + deep + `}}`}},
		{name: "JSON objects", files: map[string]string{"site.hcl.json": r(`{"a":`, many) + "1" + r("}", many)}},
		{name: "JSON strings", files: map[string]string{"site.hcl.json": `{"locals": {"a": "${` + r("[", many) + `}"}}`}},
		{name: "JSON tokens", files: map[string]string{"site.hcl.json": `{"locals": {"a": [` + r("1,", 2_000_000) + `1]}}`}},
		{name: "JSON keys", files: map[string]string{"site.hcl.json": `{"locals": {` + r(`"a":1,`, 190_000) + `"b":1}}`}},
		{name: "JSON many locals", files: map[string]string{"site.hcl.json": `{"locals": {` + manyKeys.String() + `"a": 1}}`}},
		{name: "JSON large", files: map[string]string{"site.hcl.json": `{"locals": {"a": "` + r("x", 9<<20) + `"}}`}},
		{name: "JSON number", files: map[string]string{"site.hcl.json": `{"locals": {"a": 1e999999999}}`}},
		{name: "JSON digits", files: map[string]string{"site.hcl.json": `{"locals": {"a": ` + r("9", 4<<20) + `}}`}},
		{name: "JSON text", files: map[string]string{"site.hcl.json": `{"locals": {"a": "` + r(`\u0024{1}`, 500_000) + `"}}`}},
		{name: "JSON surrogates", files: map[string]string{"site.hcl.json": `{"locals": {"a": "` + r(`\ud800`, 500_000) + `"}, "x": 1}`}},
		{name: "JSON without end", files: map[string]string{"site.hcl.json": `{"locals": {"a": "` + r("x", 7<<20)}},
		{name: "JSON garbage", files: map[string]string{"site.hcl.json": r("x", 7<<20)}},
		{name: "JSON commas", files: map[string]string{"site.hcl.json": r(",", 1<<20)}},
		{name: "JSON NUL", files: map[string]string{"site.hcl.json": r("\x00", 1<<20)}},
		{name: "JSON invalid UTF-8", files: map[string]string{"site.hcl.json": `{"locals": {"a": "` + r("\xff", 1<<20) + `"}, "x": 1}`}},
		{name: "JSON blocks", files: map[string]string{"site.hcl.json": `{"host": {"a": [` + r(`{"x": 1},`, 60_000) + `{}]}}`}},
		{name: "JSON byte order mark", files: map[string]string{"site.hcl.json": "\ufeff{"}},
		{name: "flag nested", site: variable, args: []string{"--var", "a=" + r("[", 100_000)}},
		{name: "flag text", site: variable, args: []string{"--var", "a=\"" + r("x", 100_000)}},
		{name: "flag number", site: variable, args: []string{"--var", "a=1e999999999"}},
		{name: "flag without end", site: variable, args: []string{"--var", "a=<<E\n" + r("${", 50_000)}},
		{name: "flag sum", site: variable, args: []string{"--var", "a=1" + r("+1", 60_000)}},
		{name: "flag of no variable", site: variable, args: []string{"--var", r("x", 100_000) + "=1"}},
		{name: "flag NUL", site: variable, args: []string{"--var", "a=\xff\xfe[\x01"}},
		{name: "environment nested", site: variable, environ: []string{"RUNNER_VAR_a=" + r("{a=", 40_000)}},
		{name: "environment splats", site: variable, environ: []string{"RUNNER_VAR_a=[1]" + r("[*]", 40_000)}},
		{name: "file of values", site: variable, files: map[string]string{"v.hcl": "a = " + deep}, args: []string{"--var-file", "v.hcl"}},
		{name: "file of values in JSON", site: variable, files: map[string]string{"v.json": `{"a": ` + deep + "}"}, args: []string{"--var-file", "v.json"}},
		{name: "large file of values", site: variable, files: map[string]string{"v.hcl": "a = \"" + r("x", 9<<20) + "\""}, args: []string{"--var-file", "v.hcl"}},
		{name: "file of many values", site: variable, files: map[string]string{"v.hcl": "a = [" + r("1, ", 1_000_000) + "]\n"}, args: []string{"--var-file", "v.hcl"}},
		{name: "file of unknown values", site: variable, files: map[string]string{"v.hcl": r("b = 1\n", 20_000)}, args: []string{"--var-file", "v.hcl"}},
		{name: "device of values", site: variable, args: []string{"--var-file", "/dev/zero"}},
		{name: "automatic values", site: variable, files: map[string]string{"v.auto.vars.hcl": "a = " + deep}},
		{name: "automatic values in JSON", site: variable, files: map[string]string{"v.auto.vars.hcl.json": `{"a": ` + deep + "}"}},
		{name: "defaults", site: "variable \"a\" {\n  type    = map(object({ a = optional(list(object({ b = optional(string, \"x\") })), [" + r("{},", 1000) + "]) }))\n}\n", files: map[string]string{"v.auto.vars.hcl": "a = {\n" + func() string {
			var b strings.Builder
			for i := range 20_000 {
				fmt.Fprintf(&b, "  a%d = {}\n", i)
			}
			return b.String()
		}() + "}\n"}},
		{name: "template nested", site: template, files: map[string]string{"t": r("%{ if true }", many)}},
		{name: "template brackets", site: template, files: map[string]string{"t": "${" + r("[", many)}},
		{name: "template tokens", site: template, files: map[string]string{"t": r("${1}", 1<<20)}},
		{name: "template large", site: template, files: map[string]string{"t": r("x", 9<<20)}},
		{name: "template bytes", site: template, files: map[string]string{"t": r("\xff", 1<<20)}},
		{name: "template of itself", site: template, files: map[string]string{"t": `${templatefile("t", {})}`}},
		{name: "template of itself twice", site: template, files: map[string]string{"t": `${templatefile("u", {})}${templatefile("u", {})}`, "u": `${templatefile("t", {})}`}},
		{name: "template loops", site: template, files: map[string]string{"t": "%{ for a in range(1000) }%{ for b in range(1000) }x%{ endfor }%{ endfor }"}},
		{name: "template many errors", site: template, files: map[string]string{"t": r("${x}", 100_000)}},
		{name: "template string of itself", site: "locals {\n  s = \"$${templatestring(s, { s = s })}\"\n  a = templatestring(local.s, { s = local.s })\n}\n"},
		{name: "template strings that double", site: "locals {\n  s = \"$${n == 0 ? \\\"\\\" : templatestring(s, { s = s, n = n - 1 })}$${n == 0 ? \\\"\\\" : templatestring(s, { s = s, n = n - 1 })}\"\n  a = templatestring(local.s, { s = local.s, n = 30 })\n}\n"},
		{name: "JSON read", site: read("jsondecode"), files: map[string]string{"t": deep}},
		{name: "JSON read, many", site: read("jsondecode"), files: map[string]string{"t": "[" + r("1,", 2_000_000) + "1]"}},
		{name: "YAML read", site: read("yamldecode"), files: map[string]string{"t": deep}},
		{name: "YAML read, many", site: read("yamldecode"), files: map[string]string{"t": r("- a\n", 2_000_000)}},
		{name: "YAML read, large", site: read("yamldecode"), files: map[string]string{"t": "a: " + r("x", 7<<20)}},
		{name: "YAML laughs", site: read("yamldecode"), files: map[string]string{"t": laughs()}},
		{name: "YAML keys", site: read("yamldecode"), files: map[string]string{"t": "? " + r("[", 200) + r("]", 200) + "\n: 1\n"}},
		{name: "YAML garbage", site: read("yamldecode"), files: map[string]string{"t": r("%", 1<<20)}},
		{name: "YAML tabs", site: read("yamldecode"), files: map[string]string{"t": r("\t", 1<<20)}},
		{name: "YAML text without end", site: read("yamldecode"), files: map[string]string{"t": `"` + r("x ", 1<<19)}},
		{name: "YAML colons", site: read("yamldecode"), files: map[string]string{"t": r(":", 250_000)}},
		{name: "YAML questions", site: read("yamldecode"), files: map[string]string{"t": r("?\n", 250_000)}},
		{name: "YAML flow", site: read("yamldecode"), files: map[string]string{"t": "[" + r("{", 250) + r("a,", 100_000)}},
		{name: "CSV read", site: read("csvdecode"), files: map[string]string{"t": "a\n" + r("1\n", 2_000_000)}},
		{name: "CSV columns", site: read("csvdecode"), files: map[string]string{"t": r("a,", 2_000_000)}},
		{name: "CSV quote", site: read("csvdecode"), files: map[string]string{"t": "a\n\"" + r("x\n", 3_000_000)}},
		{name: "file read, large", site: read("upper"), files: map[string]string{"t": r("x", 9<<20)}},
		{name: "file read, bytes", site: read("upper"), files: map[string]string{"t": r("\xff", 1<<20)}},
		{name: "file compressed", site: "locals {\n  a = base64gzip(file(\"t\")) + 1\n}\n", files: map[string]string{"t": r("x", 8<<20)}},
		{name: "file encoded", site: "locals {\n  a = base64encode(file(\"t\")) + 1\n}\n", files: map[string]string{"t": r("x", 8<<20)}},
		{name: "file in lines", site: "locals {\n  a = split(\"\\n\", file(\"t\")) + 1\n}\n", files: map[string]string{"t": r("\n", 8<<20)}},
		{
			name: "files in each host", site: "locals {\n  x = [for f in [\"a\", \"b\"] : length(file(f)) if false]\n}\n" +
				"host \"h\" {\n  count = 10000\n  vars  = { a = \"${count.index}${file(\"t\")}\" }\n  hop \"local\" {}\n}\n",
			files: map[string]string{"a": r("x", 8<<20), "b": r("y", 3<<20), "t": r("x", 3<<20)},
		},
		{name: "file in a pattern", site: "locals {\n  a = regex(file(\"t\"), \"x\")\n}\n", files: map[string]string{"t": r("(x|", 1<<20)}},
		{name: "file against a pattern", site: "locals {\n  a = regexall(\"(x+)+y\", file(\"t\")) + 1\n}\n", files: map[string]string{"t": r("x", 8<<20)}},
	}
}

const template = "locals {\n  a = templatefile(\"t\", {})\n}\n"

func read(function string) string { return "locals {\n  a = " + function + "(file(\"t\")) + 1\n}\n" }

// laughs is YAML of a few lines that stands for a billion elements.
func laughs() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 9; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(r10(fmt.Sprintf("*a%d, ", i-1)), ", "))
	}
	return b.String()
}

func r10(s string) string { return strings.Repeat(s, 10) }
