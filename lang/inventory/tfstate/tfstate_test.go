package tfstate

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"runner/lang/diag"
	"runner/lang/inventory"
	"runner/lang/source"
)

func TestRead(t *testing.T) {
	out, diags := Read(source.Disk{}, "testdata/terraform.tfstate")
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	var addresses []string
	for _, r := range out {
		addresses = append(addresses, r.Address)
	}
	if got, want := strings.Join(addresses, " "), `aws_instance.web[0] aws_instance.web[1] module.db["main"].aws_instance.db["primary"] data.aws_ami.debian`; got != want {
		t.Errorf("%s", got)
	}
	web := out[0]
	if web.Key != int64(0) || web.Values["cpu_core_count"] != int64(2) || web.Values["public_ip"] != nil || out[1].Values["cpu_core_count"] != 2.5 || out[2].Key != "primary" || out[3].Mode != "data" {
		t.Errorf("%+v", out)
	}
	if web.Values["user_data"] != (inventory.Secret{Value: "s3cret"}) {
		t.Errorf("user_data is %v", web.Values["user_data"])
	}
	if device, _ := json.Marshal(web.Values["root_block_device"]); string(device) != `[{"password":{"Value":"x"},"size":8}]` {
		t.Errorf("%s", device)
	}
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		`{"version": 3, "modules": []}`:                     "unsupported_version The state file has version 3",
		`{"version": 5}`:                                    "unsupported_version The state file has version 5",
		`{"format_version": "1.0", "values": {}}`:           "unsupported_version This is the output of terraform show -json",
		`{"encrypted_data": "x", "encryption_version": ""}`: "not_supported The state is encrypted",
		`{}`:                              "inventory This is no state file",
		`{"version": "4"}`:                "inventory \"version\" takes a whole number, but this is a string.",
		`{"version": 4, "resources": {}}`: "inventory \"resources\" takes a list, but this is an object.",
		`{"version": 4`:                   "syntax This is not valid JSON: it ends too early",
		`x`:                               "syntax This is not valid JSON",
		`{"version": 4, "a": ` + strings.Repeat("[", 100_000):                                                        "too_deep",
		`{"version": 4, "a": [` + strings.Repeat("1,", 1_000_000) + "1]}":                                            "too_large",
		`{"version": 4, "resources": [{"type": "a", "name": "b", "instances": [{"attributes_flat": {"id": "x"}}]}]}`: "unsupported_version The resource a.b",
	} {
		_, diags := Parse(&inventory.File{Name: "s", Text: text})
		if len(diags) == 0 || !strings.HasPrefix(string(diag.CodeOf(diags[0]))+" "+diags[0].Detail, want) {
			t.Errorf("%.60s: %v", text, diags)
		}
	}
}

// FuzzParse reads anything as a state.
func FuzzParse(f *testing.F) {
	text, err := os.ReadFile("testdata/terraform.tfstate")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add(`{"version": 4, "resources": [{"instances": [{"attributes": {"a": 1e999}, "sensitive_attributes": [[], [{"type": "index", "value": -1}]]}]}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		_, diags := Parse(&inventory.File{Name: "s", Text: text})
		for _, d := range diags {
			if diag.ExtraOf(d).Code == "" || d.Detail == "" || d.Subject == nil {
				t.Errorf("%v", d)
			}
		}
	})
}
