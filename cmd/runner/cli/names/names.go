// Package names writes lists of hosts as people write them: in their order, folded where they differ in a number only.
package names

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"runner/lang/diag"
)

// Fold joins names that differ in one number only, as lists of hosts are written elsewhere: web1, web2, web3 and web5 are
// web[1-3,5], and host["w08"] to host["w11"] are host["w[08-11]"],
// host[0] and host[1] are host[0-1]. Names stay in their order, so only neighbours are joined.
func Fold(names []string) []string {
	var out []string
	for i := 0; i < len(names); {
		group, next := run(names[i:])
		out = append(out, group)
		i += next
	}
	return out
}

// run folds as many names as belong together at the beginning, and says how many.
func run(names []string) (string, int) {
	first := numbered(names[0])
	if first.digits == "" {
		return names[0], 1
	}
	var ranges []string
	from, last, n := first, first, 1
	end := func() {
		text := from.digits
		if from.digits != last.digits {
			text += "-" + last.digits
		}
		ranges = append(ranges, text)
	}
	for ; n < len(names); n++ {
		next := numbered(names[n])
		if !next.like(last) || next.value <= last.value {
			break
		}
		if next.value != last.value+1 {
			end()
			from = next
		}
		last = next
	}
	if n == 1 {
		return names[0], 1
	}
	end()
	text := strings.Join(ranges, ",")
	if !strings.HasSuffix(first.prefix, "[") { // those of a block with count have brackets
		text = "[" + text + "]"
	}
	return first.prefix + text + first.suffix, n
}

// number is a name taken apart at its last number.
type number struct {
	prefix, digits, suffix string // digits "": there is none
	value                  uint64
}

func numbered(name string) number {
	end := strings.LastIndexAny(name, "0123456789") + 1
	if end == 0 {
		return number{prefix: name}
	}
	start := end
	for start > 0 && '0' <= name[start-1] && name[start-1] <= '9' {
		start--
	}
	value, err := strconv.ParseUint(name[start:end], 10, 63)
	if err != nil {
		return number{prefix: name}
	}
	return number{name[:start], name[start:end], name[end:], value}
}

// like says whether two names differ in their number only, and write it in the same way.
func (n number) like(other number) bool {
	if n.digits == "" || other.digits == "" || n.prefix != other.prefix || n.suffix != other.suffix {
		return false
	}
	padded := n.digits[0] == '0' || other.digits[0] == '0'
	return !padded || len(n.digits) == len(other.digits)
}

// List joins names, folded; of more than most it shows the first ones and how many there are. Several are counted.
func List(list []string, most int) string {
	const few = 3
	folded := Fold(list)
	text := Joined(folded, most)
	if len(list) > few {
		text += fmt.Sprintf(" (%s)", diag.Count(len(list), "host"))
	}
	return text
}

// Joined joins what stands for names.
func Joined(list []string, most int) string {
	clean := make([]string, 0, min(len(list), most))
	for i, n := range list {
		if i == most {
			return fmt.Sprintf("%s and %d more", strings.Join(clean, ", "), len(list)-most)
		}
		clean = append(clean, diag.HarmlessLine(n))
	}
	return strings.Join(clean, ", ")
}

// Natural compares text so that numbers in it are in the order of their value.
func Natural(a, b string) int {
	for a != "" && b != "" {
		na, nb := digits(a), digits(b)
		if na > 0 && nb > 0 {
			da, db := strings.TrimLeft(a[:na], "0"), strings.TrimLeft(b[:nb], "0")
			if c := cmp.Or(cmp.Compare(len(da), len(db)), cmp.Compare(da, db), cmp.Compare(na, nb)); c != 0 {
				return c
			}
			a, b = a[na:], b[nb:]
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

func digits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}
