package names

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestFold(t *testing.T) {
	for _, test := range []struct{ names, want string }{
		{"", ""},
		{"web", "web"},
		{"web1", "web1"},
		{"web1 web2 web3 web5", "web[1-3,5]"},
		{"web1 db1 web2", "web1 db1 web2"},
		{"web9 web10", "web[9-10]"},
		{"web09 web10 web11", "web[09-11]"},
		{"web08 web9", "web08 web9"},
		{"web2 web1", "web2 web1"},
		{"web1 web1", "web1 web1"},
		{`h["w1"] h["w2"]`, `h["w[1-2]"]`},
		{"h[0] h[1] h[2]", "h[0-2]"},
		{"10.0.0.1 10.0.0.2 10.0.1.1", "10.0.0.[1-2] 10.0.1.1"},
		{"web1.example.net web2.example.net", "web[1-2].example.net"},
		{"a99999999999999999999 a99999999999999999998", "a99999999999999999999 a99999999999999999998"},
	} {
		if got := strings.Join(Fold(strings.Fields(test.names)), " "); got != test.want {
			t.Errorf("%s: %s, want %s", test.names, got, test.want)
		}
	}
	var many []string
	for i := range 240 {
		many = append(many, fmt.Sprintf("web%03d", i+1))
	}
	if got := List(many, 6); got != "web[001-240] (240 hosts)" {
		t.Error(got)
	}
	if got := List(slices.Concat(many, []string{"db", "x", "y"}), 2); got != "web[001-240], db and 2 more (243 hosts)" {
		t.Error(got)
	}
}
