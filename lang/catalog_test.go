package lang_test

import (
	"fmt"
	"strings"

	"runner/agent/schema"
	"runner/lang"
)

// catalog is what the sites of these tests may use. It is not the real one, which grows.
func catalog() lang.Catalog {
	process := []schema.Attribute{
		{Name: "chdir", Type: schema.Path},
		{Name: "creates", Type: schema.String},
		{Name: "changes", Type: schema.Bool},
		{Name: "ok_exit_codes", Type: schema.Numbers},
	}
	output := []schema.Attribute{
		{Name: "stdout", Type: schema.String},
		{Name: "stderr", Type: schema.String},
		{Name: "exit_code", Type: schema.Number},
	}
	timeout := schema.Attribute{Name: "connect_timeout", Type: schema.Duration, Static: true}
	return lang.Catalog{
		Actions: map[string]schema.Block{
			"command": {
				Name:      "command",
				Arguments: append([]schema.Attribute{{Name: "argv", Type: schema.Strings, Required: true}}, process...),
				Results:   output,
			},
			"shell": {
				Name: "shell",
				Arguments: append([]schema.Attribute{
					{Name: "script", Type: schema.String, Required: true},
					{Name: "interpreter", Type: schema.Any},
				}, process...),
				Results: output,
			},
			"line": {
				Name:      "line",
				Arguments: []schema.Attribute{{Name: "path", Type: schema.Path, Required: true}, {Name: "regex", Type: schema.Regex}},
				Results:   []schema.Attribute{{Name: "path", Type: schema.String}},
			},
			"directory": {
				Name:      "directory",
				Arguments: []schema.Attribute{{Name: "path", Type: schema.Path, Required: true}, {Name: "mode", Type: schema.Mode}},
				Results:   []schema.Attribute{{Name: "path", Type: schema.String}},
			},
			"file": {
				Name: "file",
				Arguments: []schema.Attribute{
					{Name: "path", Type: schema.Path, Required: true},
					{Name: "content", Type: schema.String},
					{Name: "source", Type: schema.Source},
					{Name: "mode", Type: schema.Mode},
					{Name: "state", Type: schema.String, OneOf: []string{"present", "absent"}},
				},
				Results: []schema.Attribute{{Name: "path", Type: schema.String}, {Name: "size", Type: schema.Number}},
				Check:   oneContent,
			},
			"package": {Name: "package", Arguments: []schema.Attribute{{Name: "name", Type: schema.String}}},
		},
		Transports: map[string]schema.Block{
			"local": {Name: "local", Arguments: []schema.Attribute{timeout}},
			"ssh": {Name: "ssh", Arguments: []schema.Attribute{
				{Name: "address", Type: schema.String},
				{Name: "port", Type: schema.Number},
				{Name: "user", Type: schema.String},
				{Name: "keys", Type: schema.Strings},
				{Name: "password", Type: schema.String, Secret: true},
				{Name: "host_key", Type: schema.String, OneOf: []string{"strict", "accept-new", "ignore"}},
				{Name: "config", Type: schema.Any},
				timeout,
			}, Check: noOption},
			"sudo": {Name: "sudo", Arguments: []schema.Attribute{
				{Name: "user", Type: schema.String},
				{Name: "password", Type: schema.String, Secret: true},
				timeout,
			}, Check: noDash},
			"docker": {Name: "docker", Arguments: []schema.Attribute{
				{Name: "container", Type: schema.String, Required: true},
				{Name: "user", Type: schema.String},
				timeout,
			}},
		},
	}
}

func noDash(known map[string]any) error {
	if user, ok := known["user"].(string); ok && strings.HasPrefix(user, "-") {
		return &schema.ArgumentError{Argument: "user", Message: fmt.Sprintf("The user %q must not begin with a dash.", user)}
	}
	return nil
}

func noOption(known map[string]any) error {
	if address, ok := known["address"].(string); ok && (strings.HasPrefix(address, "-") || strings.ContainsAny(address, " ;")) {
		return &schema.ArgumentError{Argument: "address", Message: "The address must be a name or a number."}
	}
	return nil
}

func oneContent(known map[string]any) error {
	if known["content"] != nil && known["source"] != nil {
		return &schema.ArgumentError{Argument: "source", Message: "content and source exclude each other."}
	}
	return nil
}
