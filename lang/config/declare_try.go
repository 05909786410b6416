package config

import (
	"slices"

	"runner/lang/diag"
	"runner/lang/refs"
	"runner/lang/syntax"
)

// maxTries bounds how deep tries stand in each other.
const maxTries = 50

// tryBlock declares a try: what is tried, then its rescue, then what is done always.
func (d *declarer) tryBlock(b *syntax.Block) {
	before := len(d.diags)
	content := d.content(b.Body, trySchema())
	if len(d.diags) == before {
		d.somethingTried(b, content)
	}
	j := d.job
	t := &Try{Parent: d.try, From: len(j.Tasks)}
	index := len(j.Tries)
	j.Tries = append(j.Tries, t)
	depth := 0
	for i := t.Parent; i >= 0; i = j.Tries[i].Parent {
		depth++
	}
	if depth >= maxTries {
		d.diags = append(d.diags, diag.Errorf(diag.TooDeep, b.Range, "Tries nested too deeply", "Tries can stand in each other at most %d times.", maxTries))
		d.module.Names.Partial = true
		return
	}
	outer := &Outer{
		What: "a try", When: d.get(content, "when"), Tags: d.get(content, "tags"), Way: &Way{},
		Before: t.From, Inside: t.Parent, Tried: d.tried,
	}
	j.Outer = append(j.Outer, outer)
	around := d.around
	d.around = append(slices.Clone(around), outer)
	parts := map[string]*syntax.Block{}
	d.inside(index, func() {
		for _, inner := range content.Blocks {
			if inner.Type != "rescue" && inner.Type != "always" {
				d.lateWork(inner, parts)
				d.work(inner)
				continue
			}
			d.part(inner, parts)
		}
		t.Rescue = len(j.Tasks)
		t.Rescues = parts["rescue"] != nil
		d.rescue(index, parts["rescue"])
		t.Always = len(j.Tasks)
		d.partBody(parts["always"], "always")
	})
	t.To = len(j.Tasks)
	d.around = around
}

// somethingTried reports a try in which nothing can fail.
func (d *declarer) somethingTried(b *syntax.Block, content *syntax.Content) {
	if !slices.ContainsFunc(content.Blocks, func(inner *syntax.Block) bool { return inner.Type != "rescue" && inner.Type != "always" }) {
		d.diags = append(d.diags, diag.Errorf(diag.Decode, b.Range, "Nothing to try",
			"A try needs at least one task, role or try before its rescue and its always: what is to be done in any case needs no try around it."))
	}
}

// inside declares something inside of a try.
func (d *declarer) inside(try int, declare func()) {
	before := d.try
	d.try = try
	declare()
	d.try = before
}

// part notes the rescue or the always of a try, of which there can be one each.
func (d *declarer) part(b *syntax.Block, parts map[string]*syntax.Block) {
	if first := parts[b.Type]; first != nil {
		d.diags = append(d.diags, diag.Errorf(diag.DuplicateBlock, b.Range, "Duplicate block", "The try has a block %s already, at %s line %d.",
			b.Type, first.Range.Filename, first.Range.Start.Line))
		return
	}
	if b.Type == "rescue" && parts["always"] != nil {
		d.diags = append(d.diags, diag.Errorf(diag.Decode, b.Range, "Block out of place", "The rescue of a try comes before its always, for that is the order in which they run."))
	}
	parts[b.Type] = b
}

// lateWork reports what is written behind the rescue or the always of a try, and would run before it.
func (d *declarer) lateWork(b *syntax.Block, parts map[string]*syntax.Block) {
	if len(parts) > 0 {
		d.diags = append(d.diags, diag.Errorf(diag.Decode, b.Range, "Block out of place",
			"In a try, what is tried comes first, then rescue and always: this %s belongs before them, or into one of them.", b.Type))
	}
}

func (d *declarer) partBody(b *syntax.Block, what string) {
	if b == nil {
		return
	}
	for _, inner := range d.content(b.Body, partSchema("the "+what+" of a try")).Blocks {
		d.work(inner)
	}
}

// rescue declares the tasks of a rescue, which see what failed.
func (d *declarer) rescue(try int, b *syntax.Block) {
	j := d.job
	tried := &refs.Tried{Index: try}
	for _, t := range j.Tasks[j.Tries[try].From:] {
		for _, name := range resultNames(t.Schema) {
			if !slices.Contains(tried.Results, name) {
				tried.Results = append(tried.Results, name)
			}
		}
	}
	j.Tries[try].Results = tried.Results
	before := d.tried
	d.tried = tried
	d.partBody(b, "rescue")
	d.tried = before
}
