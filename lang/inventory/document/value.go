package document

import (
	"encoding/base64"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"go.yaml.in/yaml/v3"

	"runner/lang/diag"
	"runner/lang/inventory"
)

// counted is a value and how many values it holds, written out.
type counted struct {
	value any
	count int
}

// Value is what a node stands for.
func (d *Document) Value(n *yaml.Node) (any, *hcl.Diagnostic) {
	c, err := d.value(n, 0)
	if err != nil {
		return nil, err
	}
	if *d.Values += c.count - 1; *d.Values > inventory.MaxValues {
		return nil, d.At(n).Errorf(diag.TooLarge, "Inventory too large", "Written out, the values up to here are more than %d.", inventory.MaxValues)
	}
	return c.value, nil
}

func (d *Document) value(n *yaml.Node, depth int) (counted, *hcl.Diagnostic) {
	if depth > inventory.MaxDepth {
		return counted{}, d.At(n).Errorf(diag.TooDeep, "Inventory nested too deeply", "More than %d lists and maps lie in one another here.", inventory.MaxDepth)
	}
	n = Resolve(n)
	if n.Anchor != "" {
		if c, ok := d.shared[n]; ok {
			return c, nil
		}
	}
	c, err := d.make(n, depth)
	if err != nil {
		return c, err
	}
	if c.count > inventory.MaxValues {
		return c, d.At(n).Errorf(diag.TooLarge, "Inventory too large", "Written out, this holds more than %d values.", inventory.MaxValues)
	}
	if n.Anchor != "" {
		if d.shared == nil {
			d.shared = map[*yaml.Node]counted{}
		}
		d.shared[n] = c
	}
	return c, nil
}

func (d *Document) make(n *yaml.Node, depth int) (counted, *hcl.Diagnostic) {
	switch n.Kind {
	case yaml.MappingNode:
		if tag := n.ShortTag(); tag != tagMap && tag != "!unsafe" {
			return counted{}, d.unknownTag(n)
		}
		pairs, err := d.Pairs(n)
		if err != nil {
			return counted{}, err
		}
		if v, special, err := d.special(pairs); special {
			return counted{v, 1}, err
		}
		out, count := make(map[string]any, len(pairs)), 1
		for _, p := range pairs {
			c, err := d.value(p.Value, depth+1)
			if err != nil {
				return c, err
			}
			out[p.Name] = c.value
			if count += c.count; count > inventory.MaxValues {
				break
			}
		}
		return counted{out, count}, nil
	case yaml.SequenceNode:
		if tag := n.ShortTag(); tag != tagList && tag != "!unsafe" {
			return counted{}, d.unknownTag(n)
		}
		out, count := make([]any, 0, len(n.Content)), 1
		for _, element := range n.Content {
			c, err := d.value(element, depth+1)
			if err != nil {
				return c, err
			}
			out = append(out, c.value)
			if count += c.count; count > inventory.MaxValues {
				break
			}
		}
		return counted{out, count}, nil
	default: // a scalar; references were followed
		v, err := d.scalar(n)
		return counted{v, 1}, err
	}
}

// special is what Ansible writes for !vault and !unsafe in JSON.
func (d *Document) special(pairs []Pair) (v any, special bool, err *hcl.Diagnostic) {
	if !d.json || len(pairs) != 1 || Resolve(pairs[0].Value).Kind != yaml.ScalarNode {
		return nil, false, nil
	}
	n := pairs[0].Value
	switch pairs[0].Name {
	case "__ansible_vault":
		text, err := d.Decrypt(n.Value, d.At(n))
		return inventory.Secret{Value: text}, true, err
	case "__ansible_unsafe":
		return n.Value, true, nil
	}
	return nil, false, nil
}

func (d *Document) unknownTag(n *yaml.Node) *hcl.Diagnostic {
	return d.At(n).Errorf(diag.NotSupported, "Tag of YAML that is not supported",
		"The tag %s is not supported here. Write the value without it; !vault and !unsafe are known.", diag.Quote(n.Tag))
}

// Pair is one key of a map.
type Pair struct {
	Name  string
	Text  bool // the key is text, not a number or the like
	Key   *yaml.Node
	Value *yaml.Node
}

// Pairs returns the keys of a map in order, those that << brings in first. Of equal keys the last one's value counts, in
// the place of the first.
func (d *Document) Pairs(n *yaml.Node) ([]Pair, *hcl.Diagnostic) {
	m := merge{document: d, index: map[string]int{}}
	err := m.add(Resolve(n), 0)
	return m.pairs, err
}

type merge struct {
	document *Document
	pairs    []Pair
	index    map[string]int
	steps    int
}

func (m *merge) add(n *yaml.Node, depth int) *hcl.Diagnostic {
	d := m.document
	if depth > inventory.MaxDepth {
		return d.At(n).Errorf(diag.TooDeep, "Inventory nested too deeply", "More than %d maps bring in one another by << here.", inventory.MaxDepth)
	}
	if n.Kind != yaml.MappingNode {
		return d.At(n).Errorf(diag.Syntax, "Invalid YAML", "<< takes a map or a list of maps.")
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if isMerge(n.Content[i]) {
			if err := m.bring(Resolve(n.Content[i+1]), depth); err != nil {
				return err
			}
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if isMerge(n.Content[i]) {
			continue
		}
		if m.steps++; m.steps > inventory.MaxValues {
			return d.At(n).Errorf(diag.TooLarge, "Inventory too large", "Written out, this holds more than %d values.", inventory.MaxValues)
		}
		if err := m.set(n.Content[i], n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// bring adds what << names. Of a list, the first map that has a key wins.
func (m *merge) bring(n *yaml.Node, depth int) *hcl.Diagnostic {
	if n.Kind != yaml.SequenceNode {
		return m.add(n, depth+1)
	}
	for _, brought := range slices.Backward(n.Content) {
		if err := m.add(Resolve(brought), depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (m *merge) set(key, value *yaml.Node) *hcl.Diagnostic {
	resolved := Resolve(key)
	if resolved.Kind != yaml.ScalarNode {
		return m.document.At(key).Errorf(diag.Syntax, "Invalid YAML", "A list or a map cannot be a key here.")
	}
	v, err := m.document.scalar(resolved)
	if err != nil {
		return err
	}
	p := Pair{Key: key, Value: value}
	p.Name, p.Text = v.(string)
	if !p.Text {
		if _, secret := v.(inventory.Secret); secret {
			return m.document.At(key).Errorf(diag.Inventory, "Encrypted key", "A key cannot be encrypted: it is shown.")
		}
		p.Name = keyText(v, resolved.Value)
	}
	if i, ok := m.index[p.Name]; ok {
		m.pairs[i].Value = value
		return nil
	}
	m.index[p.Name] = len(m.pairs)
	m.pairs = append(m.pairs, p)
	return nil
}

// keyText is a key that is no text as JSON writes it.
func keyText(v any, written string) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	}
	return written
}

func isMerge(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "<<" && n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0
}

// scalar is the value of a scalar. A plain one is typed as YAML 1.1 says, which is what Ansible reads.
func (d *Document) scalar(n *yaml.Node) (any, *hcl.Diagnostic) {
	tagged := n.Style&yaml.TaggedStyle != 0
	quoted := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	switch tag := n.ShortTag(); {
	case tag == "!vault" || tag == "!vault-encrypted":
		text, err := d.Decrypt(n.Value, d.At(n))
		return inventory.Secret{Value: text}, err
	case tag == "!unsafe":
		return n.Value, nil
	case tag == "!!binary":
		raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.Value), ""))
		if err != nil {
			return nil, d.At(n).Errorf(diag.Syntax, "Invalid YAML", "This is not valid base64.")
		}
		return string(raw), nil
	case tagged && tag == tagText, !tagged && quoted:
		return n.Value, nil
	case tagged && tag != tagInt && tag != tagFloat && tag != tagBool && tag != tagNull && tag != "!!timestamp":
		return nil, d.unknownTag(n)
	case d.json && tag == tagFloat: // 1e3 is a number there
		f, err := strconv.ParseFloat(n.Value, 64)
		if err != nil {
			return n.Value, nil //nolint:nilerr // a number that is too large stays text
		}
		return f, nil
	}
	return plain(n.Value), nil
}

// The forms of YAML 1.1, as its type repository has them.
var (
	floats   = regexp.MustCompile(`^(?:[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?)$`)
	base60   = regexp.MustCompile(`^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$`)
	integers = regexp.MustCompile(`^[-+]?(?:0b[0-1_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$`)
)

// plain types a plain scalar.
func plain(s string) any {
	switch s {
	case "", "~", "null", "Null", "NULL":
		return nil
	case "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON":
		return true
	case "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF":
		return false
	}
	const signs, longest = "-+.0123456789", 1000
	if strings.IndexByte(signs, s[0]) < 0 || len(s) > longest {
		return s
	}
	digits := strings.ReplaceAll(s, "_", "")
	switch {
	case integers.MatchString(s):
		return integer(digits, s)
	case floats.MatchString(s):
		if f, err := strconv.ParseFloat(digits, 64); err == nil {
			return f
		}
	case base60.MatchString(s) && (!strings.HasPrefix(strings.TrimLeft(s, "+-"), "0") || strings.Contains(s, ".")):
		return sexagesimal(digits, s)
	}
	return s
}

// integer reads a whole number, which a 0 in front makes octal.
func integer(digits, written string) any {
	sign := ""
	if digits[0] == '-' || digits[0] == '+' {
		sign, digits = strings.TrimPrefix(digits[:1], "+"), digits[1:]
	}
	base := 10
	switch {
	case strings.HasPrefix(digits, "0b"):
		base, digits = 2, digits[2:]
	case strings.HasPrefix(digits, "0x"):
		base, digits = 16, digits[2:]
	case len(digits) > 1 && digits[0] == '0':
		base = 8
	}
	if n, err := strconv.ParseInt(sign+digits, base, 64); err == nil {
		return n
	}
	if n, ok := new(big.Int).SetString(sign+digits, base); ok {
		return n
	}
	return written
}

// sexagesimal reads 1:30, which is 90 in YAML 1.1.
func sexagesimal(digits, written string) any {
	negative := digits[0] == '-'
	total := 0.0
	for part := range strings.SplitSeq(strings.TrimLeft(digits, "+-"), ":") {
		f, err := strconv.ParseFloat(part, 64)
		if err != nil {
			return written
		}
		total = total*60 + f
	}
	if negative {
		total = -total
	}
	if !strings.Contains(digits, ".") && math.Abs(total) < 1<<53 {
		return int64(total)
	}
	return total
}
