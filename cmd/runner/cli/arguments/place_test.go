package arguments

import "testing"

// TestPlaceOf takes places apart.
func TestPlaceOf(t *testing.T) {
	for arg, want := range map[string]Place{
		"web:/etc/hosts":      {"web", "/etc/hosts"},
		"web:":                {"web", ""},
		"web:a:b":             {"web", "a:b"},
		`web["a"]:/x`:         {`web["a"]`, "/x"},
		`web["a:b]/"]:/x`:     {`web["a:b]/"]`, "/x"},
		`web["a\":b"]:/x`:     {`web["a\":b"]`, "/x"},
		"web[a:b]:x":          {"web[a:b]", "x"},
		"file":                {"", "file"},
		"./a:b":               {"", "./a:b"},
		"/a:b":                {"", "/a:b"},
		"dir/a:b":             {"", "dir/a:b"},
		":x":                  {"", ":x"},
		"[::1]:/x":            {"[::1]", "/x"},
		"web[unclosed:/etc/x": {"", "web[unclosed:/etc/x"},
	} {
		if got := placeOf(arg); got != want {
			t.Errorf("%s: %+v, want %+v", arg, got, want)
		}
	}
}
