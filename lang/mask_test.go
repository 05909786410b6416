package lang

import (
	"testing"
	"testing/fstest"
)

// TestMask: sensitive texts are hidden where they come back, in the ways in which they are written; names of attributes, short texts, and what
// the site has revealed are not. Whoever keeps the site takes a revealed map, with its names, for no secret either.
func TestMask(t *testing.T) {
	const site = `
variable "password" {
  sensitive = true
  default   = "hun\"ter2"
}
variable "users" {
  sensitive = true
  default   = { postgres = "first-word" }
}
variable "open" {
  sensitive = true
  type      = map(string)
  default   = { revealed-name = "revealed-word" }
}
variable "pem" {
  sensitive = true
  default   = "-----BEGIN-----\nabcdefghijkl\nx\n"
}
variable "short" {
  sensitive = true
  default   = "five5"
}
locals {
  shown = nonsensitive(var.open)
  url   = nonsensitive("db://${var.password}@host")
}
host "h" {
  hop "local" {}
}
job "j" {
  hosts = host.h
  task "command" "c" { argv = ["echo", local.url, local.shown["revealed-name"]] }
}
`
	files := kept{fstest.MapFS{"site/site.hcl": {Data: []byte(site)}}}
	s, _, diags := Load("site.hcl", Options{Catalog: testCatalog(), Files: files, Dir: "/site", Remember: true})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	mask := s.Mask()
	for text, want := range map[string]string{
		`pw=hun"ter2.`:             `pw=(sensitive).`,
		`{"pw":"hun\"ter2"}`:       `{"pw":"(sensitive)"}`,
		"postgres: first-word":     "postgres: (sensitive)",
		" abcdefghijkl ":           " (sensitive) ",
		"five5 x":                  "five5 x",
		"revealed-word":            "revealed-word",
		`db://hun"ter2@host`:       `db://hun"ter2@host`,
		`db://hun"ter2@other`:      `db://(sensitive)@other`,
		"nothing of all that, no.": "nothing of all that, no.",
	} {
		if got := mask(text); got != want {
			t.Errorf("%q becomes %q, not %q", text, got, want)
		}
	}
	if m := s.Memory(); m.Secret("revealed-name") || m.Secret("revealed-word") || !m.Secret("first-word") {
		t.Error("what was revealed counts as a secret, or what is one does not")
	}
}
