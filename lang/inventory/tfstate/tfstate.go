// Package tfstate reads the resources of a Terraform or OpenTofu state file, version 4. Which of them are hosts is for
// package lang to say: the site gives expressions for it.
package tfstate

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"runner/lang/diag"
	"runner/lang/inventory"
	"runner/lang/inventory/document"
	"runner/lang/source"
)

// Resource is one instance of a resource.
type Resource struct {
	Address string         // module.app.aws_instance.web["a"]
	Mode    string         // managed or data
	Type    string         // aws_instance
	Name    string         // web
	Module  string         // module.app, "" for the root module
	Key     any            // of for_each (string) or count (int64), else nil
	Values  map[string]any // its attributes, as inventory.Host.Vars has them; sensitive ones are marked
}

// version is the one that Terraform has written since 0.12.
const version = 4

type state struct {
	Version       *int64          `json:"version"`
	FormatVersion string          `json:"format_version"`
	Encrypted     string          `json:"encrypted_data"`
	Resources     []stateResource `json:"resources"`
}

type stateResource struct {
	Module    string     `json:"module"`
	Mode      string     `json:"mode"`
	Type      string     `json:"type"`
	Name      string     `json:"name"`
	Instances []instance `json:"instances"`
}

type instance struct {
	Key        any                 `json:"index_key"`
	Deposed    string              `json:"deposed"`
	Attributes map[string]any      `json:"attributes"`
	Flat       json.RawMessage     `json:"attributes_flat"`
	Sensitive  [][]json.RawMessage `json:"sensitive_attributes"`
}

// step is one step of the path to a sensitive attribute.
type step struct {
	Type  string `json:"type"` // get_attr or index
	Value any    `json:"value"`
}

// Read reads the resources of a state file, in its order.
func Read(files source.Files, path string) ([]Resource, hcl.Diagnostics) {
	reader := inventory.Reader{From: files}
	file, d := reader.Read(path)
	if d != nil {
		return nil, hcl.Diagnostics{d}
	}
	return Parse(file)
}

// Parse is Read for the text of a state.
func Parse(file *inventory.File) ([]Resource, hcl.Diagnostics) {
	if d := document.CheckJSON(file); d != nil {
		return nil, hcl.Diagnostics{d}
	}
	var s state
	decoder := json.NewDecoder(strings.NewReader(file.Text))
	decoder.UseNumber()
	if err := decoder.Decode(&s); err != nil {
		return nil, hcl.Diagnostics{document.JSONError(file, err, int(decoder.InputOffset()))}
	}
	if d := check(file, s); d != nil {
		return nil, hcl.Diagnostics{d}
	}
	var out []Resource
	for _, r := range s.Resources {
		for _, i := range r.Instances {
			if i.Deposed != "" { // it is only waiting to be destroyed
				continue
			}
			if i.Attributes == nil && len(i.Flat) > 0 {
				return nil, hcl.Diagnostics{file.At(0, 1).Errorf(diag.UnsupportedVersion, "Unsupported state file",
					"The resource %s.%s was written by a provider of Terraform 0.11. Run terraform apply -refresh-only, which rewrites it.", r.Type, r.Name)}
			}
			if len(out) == inventory.MaxHosts {
				return nil, hcl.Diagnostics{file.At(0, 1).Errorf(diag.TooLarge, "Inventory too large", "The state has more than %d resources.", inventory.MaxHosts)}
			}
			out = append(out, resource(r, i))
		}
	}
	return out, nil
}

// check says what is wrong with a state as a whole.
func check(file *inventory.File, s state) *hcl.Diagnostic {
	at := file.At(0, 1)
	if i := strings.Index(file.Text, `"version"`); i >= 0 {
		at = file.At(i, i+len(`"version"`))
	}
	switch {
	case s.Encrypted != "":
		return at.Errorf(diag.NotSupported, "Encrypted state file", "The state is encrypted and cannot be read. Write it out with tofu state pull.")
	case s.FormatVersion != "":
		return at.Errorf(diag.UnsupportedVersion, "Unsupported state file", "This is the output of terraform show -json. The state file itself is needed: terraform state pull prints it.")
	case s.Version == nil:
		return at.Errorf(diag.Inventory, "Invalid state file", "This is no state file of Terraform: it has no version.")
	case *s.Version != version:
		return at.Errorf(diag.UnsupportedVersion, "Unsupported state file",
			"The state file has version %d; version %d can be read, which Terraform 0.12 and later and OpenTofu write.", *s.Version, version)
	}
	return nil
}

func resource(r stateResource, i instance) Resource {
	out := Resource{Mode: r.Mode, Type: r.Type, Name: r.Name, Module: r.Module, Key: plain(i.Key), Values: map[string]any{}}
	out.Address = r.Type + "." + r.Name
	if r.Mode == "data" {
		out.Address = "data." + out.Address
	}
	if r.Module != "" {
		out.Address = r.Module + "." + out.Address
	}
	switch key := out.Key.(type) {
	case string:
		out.Address += fmt.Sprintf("[%q]", key)
	case int64:
		out.Address += fmt.Sprintf("[%d]", key)
	}
	for name, v := range i.Attributes {
		out.Values[name] = plain(v)
	}
	for _, path := range i.Sensitive {
		hide(out.Values, path)
	}
	return out
}

// plain turns what JSON is decoded to into plain values, in place.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		const most = 1000 // digits
		if n, ok := new(big.Int).SetString(v.String(), 10); ok && len(v) <= most {
			return n
		}
		if f, err := v.Float64(); err == nil {
			return f
		}
		return v.String()
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	}
	return v
}

// hide marks the attribute at a path. Where the path leads into something that cannot be followed, such as a set, all of
// that is marked.
func hide(values map[string]any, path []json.RawMessage) {
	var current any = values
	mark := func(v any) {} // puts a value in place of the current one
	for _, raw := range path {
		var s step
		if json.Unmarshal(raw, &s) != nil {
			break
		}
		key := s.Value
		if object, ok := key.(map[string]any); ok && s.Type == "index" {
			key = object["value"] // {"value": 0, "type": "number"}
		}
		next, set, ok := into(current, key)
		if !ok {
			break
		}
		if _, hidden := next.(inventory.Secret); hidden {
			return
		}
		current, mark = next, set
	}
	mark(inventory.Secret{Value: current})
}

// into follows one step, and returns how the value there is replaced.
func into(v, key any) (next any, set func(any), ok bool) {
	switch v := v.(type) {
	case map[string]any:
		name, isText := key.(string)
		next, ok = v[name]
		return next, func(n any) { v[name] = n }, ok && isText
	case []any:
		f, isNumber := key.(float64)
		i := int(f)
		if !isNumber || i < 0 || i >= len(v) {
			return nil, nil, false
		}
		return v[i], func(n any) { v[i] = n }, true
	}
	return nil, nil, false
}
