package main

import "testing"

func TestReplaceSection(t *testing.T) {
	for page, want := range map[string]string{
		"# P\n\n## A\n\na\n":                     "# P\n\n## A\n\na\n\n## L\n\nnew\n",
		"# P\n\n## L\n\nold\n\n## B\n\nb\n":      "# P\n\n## L\n\nnew\n\n## B\n\nb\n",
		"# P\n\n## A\n\na\n\n## L\n\nold\n\nx\n": "# P\n\n## A\n\na\n\n## L\n\nnew\n",
	} {
		if got := replaceSection(page, "## L\n", "## L\n\nnew\n\n"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestWithSections(t *testing.T) {
	page := "# P\n\nnew\n\n## A\n\nnew a\n"
	old := "# P\n\nold\n\n## A\n\nold a\n\n## B\n\nb\n\n### Bb\n\nbb\n\n## C\n\nc\n"
	want := page + "\n## B\n\nb\n\n### Bb\n\nbb\n\n## C\n\nc\n"
	if got := withSections(page, old); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := withSections(page, ""); got != page {
		t.Errorf("nothing before: %q", got)
	}
}
