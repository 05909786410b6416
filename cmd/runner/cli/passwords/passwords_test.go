package passwords

import (
	"reflect"
	"strings"
	"testing"

	"runner/transports/catalog"
	"runner/transports/ssh"
)

func TestPasswordsFill(t *testing.T) {
	p, diags := New([]string{"sudo", "sudo:postgres", "sudo"}, catalog.All())
	if diags.HasErrors() || len(p.asked) != 2 {
		t.Fatal(diags, p.asked)
	}
	questions := 0
	p.Ask = func(hop string) (string, error) {
		questions++
		return "for " + hop, nil
	}
	x := ssh.NewExpander(ssh.CurrentEnvironment())
	for _, c := range []struct {
		options map[string]any
		want    any
	}{
		{map[string]any{}, "for sudo"},
		{map[string]any{"user": "root"}, "for sudo"},
		{map[string]any{"user": "postgres"}, "for sudo:postgres"},
		{map[string]any{"user": "postgres", "password": "own"}, "own"},
		{map[string]any{"password": nil}, "for sudo"},
	} {
		given := len(c.options)
		got, err := p.Expand(x, "sudo", c.options)
		if err != nil || len(got) != 1 || got[0]["password"] != c.want {
			t.Errorf("%v: %v, %v, want %v", c.options, got, err, c.want)
		}
		if len(c.options) != given {
			t.Errorf("%v was changed", c.options)
		}
	}
	if diags := p.Unused(); diags.HasErrors() || questions != 2 {
		t.Error(diags, questions)
	}
	docker, err := p.Expand(x, "docker", map[string]any{"container": "c"})
	if err != nil || !reflect.DeepEqual(docker, []map[string]any{{"container": "c"}}) {
		t.Errorf("docker got %v, %v", docker, err)
	}
}

func TestPasswordsUnused(t *testing.T) {
	p, diags := New([]string{"sudo:nobody"}, catalog.All())
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	p.fill("sudo", map[string]any{"user": "root"})
	if diags := p.Unused(); !diags.HasErrors() || !strings.Contains(diags[0].Detail, "sudo:nobody") {
		t.Error(diags)
	}
}

func TestPasswordsWrongHop(t *testing.T) {
	_, diags := New([]string{"sdo", "docker"}, catalog.All())
	if len(diags) != 2 || !strings.Contains(diags[0].Detail, `Did you mean "sudo"?`) {
		t.Error(diags)
	}
}
