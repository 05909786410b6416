package diag

import "github.com/hashicorp/hcl/v2"

// JSON is a diagnostic as machines get it: the fields of an event of type diagnostic, but for its type and time.
type JSON struct {
	Severity string `json:"severity"` // error or warning
	Code     Code   `json:"code"`
	Summary  string `json:"summary"`
	Detail   string `json:"detail,omitempty"`
	File     string `json:"file,omitempty"`
	Range    *Range `json:"range,omitempty"`
	Host     string `json:"host,omitempty"`
	Address  string `json:"address,omitempty"`
}

// Range is a place in a file; the end is behind its last character.
type Range struct {
	Start Position `json:"start"`
	End   Position `json:"end"`
}

// Position counts lines and columns (in characters) from 1, bytes from 0.
type Position struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

// ToJSON converts a diagnostic.
func ToJSON(d *hcl.Diagnostic) JSON {
	e := ExtraOf(d)
	out := JSON{
		Severity: severity(d),
		Code:     CodeOf(d),
		Summary:  d.Summary,
		Detail:   d.Detail,
		Host:     e.Host,
		Address:  e.Address,
	}
	if s := d.Subject; s != nil {
		out.File = s.Filename
		if s.Start.Line > 0 {
			out.Range = &Range{Start: position(s.Start), End: position(s.End)}
		}
	}
	return out
}

func position(p hcl.Pos) Position {
	return Position{Line: p.Line, Column: p.Column, Byte: p.Byte}
}

func severity(d *hcl.Diagnostic) string {
	if d.Severity == hcl.DiagWarning {
		return "warning"
	}
	return "error"
}
