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
			if next := s.at(0); next != '\n' && next != '\r' {
				s.pos++
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

// sequence reads a $ or % in a template, and says whether code follows. Twice the sign before a brace is an escape.
func (s *scanner) sequence(c byte) bool {
	switch {
	case s.at(1) == '{':
		s.pos += len("${")
		if s.at(0) == '~' {
			s.pos++
		}
		s.top().fresh = false
		if c == '%' {
			s.directive()
		}
		s.push(frame{kind: seq})
		return true
	case s.at(1) == c && s.at(2) == '{':
		s.pos += len("$${")
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
