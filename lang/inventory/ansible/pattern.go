package ansible

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"runner/lang/inventory"
)

// The forms of a host that may be followed by a port. They are Ansible's; what does not have one of them is taken as it
// is, without a port. Those of IPv6 are bound to the end only in the last alternative, as there.
const (
	numericRange = `\[[0-9]+:[0-9]+(?::[0-9]+)?\]`
	hexRange     = `\[[0-9a-f]+:[0-9a-f]+(?::[0-9]+)?\]`
	letterRange  = `\[(?:[a-z]:[a-z]|[0-9]+:[0-9]+)(?::[0-9]+)?\]`
	quad         = `(?:[01]?[0-9]{1,2}|2[0-4][0-9]|25[0-5]|` + numericRange + `)`
	six          = `(?:[0-9a-f]{1,4}|` + hexRange + `)`
	letter       = `[\p{L}\p{N}]`
	label        = `(?:(?:[\p{L}\p{N}_]|` + letterRange + `)(?:[\p{L}\p{N}_-]|` + letterRange + `)*)?(?:` + letter + `|` + letterRange + `)`
)

var (
	bracketed = regexp.MustCompile(`^\[(.+)\]:([0-9]+)$`)
	hostPort  = regexp.MustCompile(`^((?:[^:\[\]]|\[[^\]]*\])*):([0-9]+)$`)
	addresses = regexp.MustCompile(`(?i)^(?:` + quad + `\.){3}` + quad + `$|` +
		`^(?:` + six + `:){7}` + six + `|^(?:` + six + `:){1,6}:|^` + six + `?::|^:(?::` + six + `){1,6}|^(?:` + six + `:){1,6}(?::` + six + `){1,6}|` +
		`^` + label + `(?:\.` + label + `)*$`)
)

// expand returns the hosts that a pattern such as web[01:50].example.net:2222 stands for, and the port, 0 if none.
func expand(pattern string) ([]string, int64, error) {
	name, port := splitPort(pattern)
	if strings.HasSuffix(strings.TrimSpace(pattern), ":") && port == 0 {
		return nil, 0, errors.New("a host pattern cannot end in a colon; a port may follow it")
	}
	hosts, err := expandRanges(name, inventory.MaxHosts)
	return hosts, port, err
}

func splitPort(pattern string) (string, int64) {
	name, port := pattern, int64(0)
	for _, form := range []*regexp.Regexp{bracketed, hostPort} {
		if m := form.FindStringSubmatch(name); m != nil {
			n, err := strconv.ParseInt(m[2], 10, 64)
			if err != nil {
				return pattern, 0
			}
			name, port = m[1], n
		}
	}
	if !addresses.MatchString(name) {
		return pattern, 0
	}
	return name, port
}

// expandRanges writes out the ranges of a name, the first one first.
func expandRanges(name string, most int) ([]string, error) {
	open := strings.IndexByte(name, '[')
	if open < 0 {
		return []string{name}, nil
	}
	length := strings.IndexByte(name[open:], ']')
	if length < 0 || strings.Contains(name, "|") {
		return nil, errors.New("the range in brackets is not closed")
	}
	head, inner, tail := name[:open], name[open+1:open+length], name[open+length+1:]
	r, err := parseRange(inner)
	if err != nil {
		return nil, err
	}
	if r.count > most {
		return nil, fmt.Errorf("the pattern stands for more than %d hosts", inventory.MaxHosts)
	}
	rest, err := expandRanges(tail, most/max(r.count, 1))
	if err != nil {
		return nil, err
	}
	if len(rest)*(len(head)+len(inner)+len(tail)+8)*r.count > inventory.MaxBytes {
		return nil, errors.New("the names that the pattern stands for are too long")
	}
	out := make([]string, 0, r.count*len(rest))
	for i := range r.count {
		for _, end := range rest {
			out = append(out, head+r.element(i)+end)
		}
	}
	return out, nil
}

// hostRange is what stands between brackets.
type hostRange struct {
	first, step, count int
	width              int  // of numbers with zeros in front
	letters            bool // first is an index into the letters
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

func (r hostRange) element(i int) string {
	n := r.first + i*r.step
	if r.letters {
		return letters[n : n+1]
	}
	return fmt.Sprintf("%0*d", r.width, n)
}

func parseRange(text string) (hostRange, error) {
	bounds := strings.Split(text, ":")
	if len(bounds) != 2 && len(bounds) != 3 {
		return hostRange{}, errors.New("a range in brackets has the form [BEGIN:END] or [BEGIN:END:STEP]")
	}
	r := hostRange{step: 1}
	begin, end := bounds[0], bounds[1]
	if begin == "" {
		begin = "0"
	}
	if end == "" {
		return r, errors.New("a range needs an end")
	}
	if len(bounds) == 3 {
		step, err := strconv.Atoi(bounds[2])
		if err != nil || step < 1 {
			return r, errors.New("the step of a range is a whole number from 1")
		}
		r.step = step
	}
	if begin[0] == '0' && len(begin) > 1 {
		if r.width = len(begin); r.width != len(end) {
			return r, errors.New("both ends of a range with zeros in front have the same length")
		}
	}
	last := 0
	switch i, j := strings.Index(letters, begin), strings.Index(letters, end); {
	case len(begin) == 1 && len(end) == 1 && i >= 0 && j >= 0:
		r.first, last, r.letters = i, j, true
	default:
		var err1, err2 error
		r.first, err1 = strconv.Atoi(begin)
		last, err2 = strconv.Atoi(end)
		if err1 != nil || err2 != nil || r.first < 0 {
			return r, errors.New("the ends of a range are two numbers or two letters")
		}
	}
	if r.first > last {
		return r, errors.New("the begin of a range is not after its end")
	}
	r.count = (last-r.first)/r.step + 1
	return r, nil
}
