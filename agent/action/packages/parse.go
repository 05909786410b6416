package packages

import (
	"strings"
)

// step is what a manager would do to one package. A version is "" where the package is not there.
type step struct{ name, arch, from, to string }

// is says whether the step is about a package that is wanted.
func (s *step) is(w *want) bool {
	name, _, _ := strings.Cut(s.name, ":")
	return w.is(row{name: name, arch: s.arch})
}

// parseApt reads what apt-get -s prints:
//
//	Inst NAME [OLD] (NEW ORIGIN [ARCH])
//	Conf NAME (VERSION ORIGIN [ARCH])
//	Remv NAME [OLD]
//	Purg NAME
func parseApt(printed string) []step {
	var out []step
	installs := map[string]bool{}
	for _, line := range split(printed, "\n") {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		s := step{name: words[1], arch: strings.Trim(words[len(words)-1], "[])")}
		if len(words) > 2 && words[2][0] == '[' {
			s.from = strings.Trim(words[2], "[]")
		}
		switch _, rest, _ := strings.Cut(line, "("); words[0] {
		case "Inst":
			s.to = first(rest)
			installs[s.name] = true
		case "Conf": // of what was unpacked before
			if installs[s.name] {
				continue
			}
			s.to = first(rest)
			s.from = s.to + unfinished
		case "Remv", "Purg":
			if s.from == "" {
				s.from = strings.TrimSpace(leftover)
			}
		default:
			continue
		}
		out = append(out, s)
	}
	return out
}

// first is the first word of a text.
func first(text string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	return strings.TrimSuffix(word, ")")
}

// parseRows reads the table of dnf and yum. A row is a name, an architecture, a version, a repository, a size and mostly
// its unit, and may be broken behind those that are long.
func parseRows(printed string) []step {
	const row = 5 // words at least
	var out []step
	section := ""
	var words []string
	for _, line := range split(printed, "\n") {
		fields := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "Transaction Summary"):
			return out
		case len(fields) == 0, section == "" && line[0] == ' ': // before the rows their headings come
		case line[0] != ' ':
			section, words = strings.Trim(fields[0], "="), nil
		case fields[0] == "replacing" && len(fields) > 2:
			name := fields[1][:max(0, strings.LastIndexByte(fields[1], '.'))]
			out = append(out, step{name: name, from: fields[len(fields)-1]})
		default:
			if words = append(words, fields...); len(words) < row {
				continue
			}
			s := step{name: words[0], arch: words[1], to: strings.TrimPrefix(words[2], "0:")}
			if strings.HasPrefix(section, "Remov") {
				s.from, s.to = s.to, ""
			}
			if section != "Skipping" {
				out = append(out, s)
			}
			words = nil
		}
	}
	return out
}

// parseXML reads what zypper --xmlout says that it would do: elements solvable with name, edition and edition-old, in
// elements to-remove, to-install and the like.
func parseXML(printed string) []step {
	var out []step
	removes := false
	for _, tag := range split(printed, "<") {
		switch {
		case strings.HasPrefix(tag, "to-"):
			removes = strings.HasPrefix(tag, "to-remove")
		case strings.HasPrefix(tag, "solvable "):
			s := step{name: attribute(tag, "name"), arch: attribute(tag, "arch"), from: attribute(tag, "edition-old"), to: attribute(tag, "edition")}
			if removes {
				s.from, s.to = s.to, ""
			}
			out = append(out, s)
		}
	}
	return out
}

func attribute(tag, name string) string {
	_, rest, _ := strings.Cut(tag, " "+name+`="`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// parseApk reads lines of apk:
//
//	(1/2) Installing NAME (NEW)
//	(2/2) Upgrading NAME (OLD -> NEW)
//	(1/1) Purging NAME (OLD)
func parseApk(printed string) []step {
	var out []step
	for _, line := range split(printed, "\n") {
		words := strings.Fields(line)
		if len(words) < 4 || !strings.HasPrefix(line, "(") {
			continue
		}
		version := strings.TrimPrefix(words[3], "(")
		s := step{name: words[2], to: first(version)}
		switch {
		case len(words) > 5:
			s.from, s.to = s.to, first(words[5])
		case words[1] == "Purging":
			s.from, s.to = s.to, ""
		}
		out = append(out, s)
	}
	return out
}

// parsePairs reads lines NAME=VERSION. Whether that is a version that comes or goes is not said.
func parsePairs(printed string) []step {
	var out []step
	for _, line := range split(printed, "\n") {
		if name, version, ok := strings.Cut(line, "="); ok {
			out = append(out, step{name: name, to: version})
		}
	}
	return out
}

// parsePkg reads what pkg -n prints below headings such as "Installed packages to be REMOVED:":
//
//	NAME: VERSION [REPOSITORY]
//	NAME: OLD -> NEW [REPOSITORY]
func parsePkg(printed string) []step {
	var out []step
	section := ""
	for _, line := range split(printed, "\n") {
		words := strings.Fields(line)
		if strings.HasSuffix(strings.TrimSpace(line), ":") {
			section = words[len(words)-1]
		}
		if len(words) < 2 || !strings.HasPrefix(line, "\t") {
			continue
		}
		s := step{name: strings.TrimSuffix(words[0], ":"), to: words[1]}
		switch {
		case section == "REMOVED:":
			s.from, s.to = s.to, ""
		case len(words) > 3 && words[2] == "->":
			s.from, s.to = s.to, words[3]
		}
		out = append(out, s)
	}
	return out
}

// row is one package that is installed, or in a file.
type row struct{ name, version, state, arch string }

// rows reads lines NAME=VERSION=STATE=ARCHITECTURE, NAME VERSION, and apk's NAME-VERSION-REVISION. Others say what is not there.
func rows(printed string) []row {
	var out []row
	for _, line := range split(printed, "\n") {
		fields := strings.Split(line, "=")
		if len(fields) == 1 {
			fields = strings.Split(line, " ")
		}
		if i := strings.LastIndexByte(line, '-'); len(fields) == 1 && i > 0 {
			if i = strings.LastIndexByte(line[:i], '-'); i > 0 {
				fields = []string{line[:i], line[i+1:]}
			}
		}
		r := row{}
		switch len(fields) {
		case 4:
			r.state, r.arch = fields[2], fields[3]
			fallthrough
		case 2:
			r.name, r.version = fields[0], fields[1]
			out = append(out, r)
		}
	}
	return out
}

// split is what costs an agent fewer bytes than a sequence where it is ranged over.
func split(text, by string) []string { return strings.Split(text, by) }
