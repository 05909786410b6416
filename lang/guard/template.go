package guard

import "bytes"

// quoted reads one part of a template in quotes.
func (s *scanner) quoted() {
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; c {
		case '"':
			s.pos++
			s.pop(len(s.frames) - 1)
			return
		case '\\':
			s.pos++
			next := s.at(0)
			if bytes.IndexByte([]byte(`nrt"\uU`), next) < 0 {
				s.stray()
			}
			if next != '\n' && next != '\r' {
				s.pos++
			}
			if s.err != nil {
				return
			}
		case '$', '%':
			if s.sequence(c) {
				return
			}
		default:
			s.pos++
		}
	}
}

// lines reads one part of a template in lines: at most up to the end of the line, where a heredoc may end.
func (s *scanner) lines() {
	begin, f := s.pos, s.top()
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; c {
		case '\n':
			s.pos++
			if f.kind == heredoc && f.fresh && bytes.Equal(bytes.TrimSpace(s.src[begin:s.pos]), f.marker) {
				s.pos-- // the line break belongs to the code around
				s.pop(len(s.frames) - 1)
				return
			}
			f.fresh = true
			s.line(begin)
			return
		case '$', '%':
			f.fresh = f.fresh && s.pos == begin
			if s.sequence(c) {
				return
			}
		default:
			s.pos++
		}
	}
}

// line ends one of text, which HCL adds to the lines before by copying all of them, unless the template is cut here.
func (s *scanner) line(begin int) {
	if f := s.top(); f.kind == bare && f.weight == 0 {
		now := plainLine(s.src[begin:s.pos])
		if now && f.plain {
			f.from = begin
		}
		f.plain = now
	}
	s.meld()
}

// meld counts what HCL copies to add something to the text at hand.
func (s *scanner) meld() {
	if s.melding += s.pos - s.top().from; s.melding > maxMelding {
		s.fail(tooMuchText(s.pos))
	}
}

// Pieces cuts a template that passed the check at line ends in its plain text, where that is long: each piece is a
// template of its own, and all of them together are the whole. Putting many lines together takes HCL long.
func Pieces(src []byte) [][]byte {
	const enough = 4 << 10
	s := newScanner(src, bare, 0)
	var out [][]byte
	begin, text := 0, false // the start of the piece; whether the line before is nothing but text
	for s.more() {
		line := s.pos
		s.step()
		now := len(s.frames) == 1 && plainLine(src[line:s.pos])
		if now && text && line-begin >= enough && s.frames[0].weight == 0 {
			out = append(out, src[begin:line])
			begin = line
		}
		text = now
	}
	return append(out, src[begin:])
}

// plainLine says whether a whole line is text, and not only blanks, which a sequence near it might trim.
func plainLine(line []byte) bool {
	return bytes.HasSuffix(line, []byte("\n")) && !bytes.Contains(line, []byte("${")) && !bytes.Contains(line, []byte("%{")) && len(bytes.TrimSpace(line)) > 0
}

// sequence reads a $ or % in a template, and says whether code follows. Twice the sign before a brace is an escape.
func (s *scanner) sequence(c byte) bool {
	switch {
	case s.at(1) == '{':
		s.pos += len("${")
		if s.at(0) == '~' {
			s.pos++
		}
		s.top().fresh = false
		s.top().from = s.pos
		if c == '%' {
			s.directive()
		}
		s.push(frame{kind: seq})
		return true
	case s.at(1) == c && s.at(2) == '{':
		s.pos += len("$${")
		s.meld()
	default:
		s.pos++
	}
	s.top().fresh = false
	return false
}

// directive counts what begins or ends between template sequences.
func (s *scanner) directive() {
	rest := bytes.TrimLeft(s.src[s.pos:], " \t\r\n")
	end := 0
	for end < len(rest) && wordRest(rest[end]) {
		end++
	}
	switch string(rest[:end]) {
	case "if", "for":
		s.operator()
	case "endif", "endfor":
		if f := s.top(); f.weight > 0 {
			f.weight--
			s.depth--
		}
	}
}
