package function

import (
	"errors"
	"math/big"
	"net/netip"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"runner/lang/diag"
)

func networks() []entry {
	newbits := number("newbits")
	return []entry{
		{
			Doc: Doc{"cidrhost", Network, "prefix, number", "The address of a host in a network by its number; a negative number counts from the end.", []Example{
				{`cidrhost("10.12.112.0/20", 16)`, `"10.12.112.16"`},
				{`cidrhost("fd00:fd12:3456::/72", 34)`, `"fd00:fd12:3456::22"`},
			}},
			function: define(cty.String, cidrHost, text("prefix"), number("number")),
		},
		{
			Doc: Doc{"cidrnetmask", Network, "prefix", "The netmask of an IPv4 network.", []Example{
				{`cidrnetmask("172.16.0.0/12")`, `"255.240.0.0"`},
			}},
			function: define(cty.String, cidrNetmask, text("prefix")),
		},
		{
			Doc: Doc{"cidrsubnet", Network, "prefix, newbits, number", "A part of a network: its prefix is longer by the new bits, which are the number.", []Example{
				{`cidrsubnet("172.16.0.0/12", 4, 2)`, `"172.18.0.0/16"`},
			}},
			function: define(cty.String, cidrSubnet, text("prefix"), newbits, number("number")),
		},
		{
			Doc: Doc{"cidrsubnets", Network, "prefix, newbits...", "Parts of a network one behind the other, each with a prefix longer by its number of new bits.", []Example{
				{`cidrsubnets("10.1.0.0/16", 4, 4, 8)`, `["10.1.0.0/20", "10.1.16.0/20", "10.1.32.0/24"]`},
			}},
			function: function.New(&function.Spec{
				Params:   []function.Parameter{text("prefix")},
				VarParam: &newbits,
				Type:     function.StaticReturnType(cty.List(cty.String)),
				Impl:     func(args []cty.Value, _ cty.Type) (cty.Value, error) { return cidrSubnets(args) },
			}),
		},
	}
}

// prefixArgument parses the first argument, a network. Bits behind its prefix are cleared.
func prefixArgument(args []cty.Value) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(args[0].AsString())
	if err != nil {
		return p, function.NewArgErrorf(0, "must be a network such as 10.0.0.0/8 or fd00::/64, not %s", diag.Quote(args[0].AsString()))
	}
	return p.Masked(), nil
}

// integer returns an argument that is a whole number of any size.
func integer(args []cty.Value, i int) (*big.Int, error) {
	n, accuracy := args[i].AsBigFloat().Int(nil)
	if accuracy != big.Exact {
		return nil, function.NewArgErrorf(i, "must be a whole number")
	}
	return n, nil
}

// power returns 2 to the power of a number of bits.
func power(bits int) *big.Int { return new(big.Int).Lsh(big.NewInt(1), uint(bits)) } //nolint:gosec // bits of an address

// addressAt is the address that lies a number of addresses behind another.
func addressAt(start netip.Addr, offset *big.Int) netip.Addr {
	raw := start.AsSlice()
	sum := new(big.Int).Add(new(big.Int).SetBytes(raw), offset)
	out, _ := netip.AddrFromSlice(sum.FillBytes(make([]byte, len(raw))))
	return out
}

func cidrHost(args []cty.Value) (cty.Value, error) {
	p, err := prefixArgument(args)
	if err != nil {
		return cty.NilVal, err
	}
	n, err := integer(args, 1)
	if err != nil {
		return cty.NilVal, err
	}
	count := power(p.Addr().BitLen() - p.Bits())
	if n.Sign() < 0 {
		n.Add(n, count)
	}
	if n.Sign() < 0 || n.Cmp(count) >= 0 {
		return cty.NilVal, function.NewArgErrorf(1, "the network has only %s addresses", count)
	}
	return cty.StringVal(addressAt(p.Addr(), n).String()), nil
}

func cidrNetmask(args []cty.Value) (cty.Value, error) {
	p, err := prefixArgument(args)
	if err != nil {
		return cty.NilVal, err
	}
	if !p.Addr().Is4() {
		return cty.NilVal, function.NewArgErrorf(0, "only IPv4 networks have netmasks")
	}
	ones, _ := netip.MustParseAddr("255.255.255.255").Prefix(p.Bits())
	return cty.StringVal(ones.Addr().String()), nil
}

// longer returns the length of a prefix with further bits.
func longer(p netip.Prefix, args []cty.Value, i, least int) (int, error) {
	most := p.Addr().BitLen() - p.Bits()
	bits, err := wholeNumber(args[i], least, most)
	if err != nil {
		return 0, function.NewArgErrorf(i, "must be a whole number from %d to %d: the bits behind the prefix", least, max(most, 0))
	}
	return p.Bits() + bits, nil
}

func cidrSubnet(args []cty.Value) (cty.Value, error) {
	p, err := prefixArgument(args)
	if err != nil {
		return cty.NilVal, err
	}
	length, err := longer(p, args, 1, 0)
	if err != nil {
		return cty.NilVal, err
	}
	n, err := integer(args, 2)
	if err != nil {
		return cty.NilVal, err
	}
	if count := power(length - p.Bits()); n.Sign() < 0 || n.Cmp(count) >= 0 {
		return cty.NilVal, function.NewArgErrorf(2, "there are only %s networks of this size", count)
	}
	offset := n.Mul(n, power(p.Addr().BitLen()-length))
	return cty.StringVal(netip.PrefixFrom(addressAt(p.Addr(), offset), length).String()), nil
}

func cidrSubnets(args []cty.Value) (cty.Value, error) {
	p, err := prefixArgument(args)
	if err != nil {
		return cty.NilVal, err
	}
	if len(args) == 1 {
		return cty.ListValEmpty(cty.String), nil
	}
	bits := p.Addr().BitLen()
	end, next := power(bits-p.Bits()), new(big.Int)
	var out []cty.Value
	for i := 1; i < len(args); i++ {
		length, err := longer(p, args, i, 1)
		if err != nil {
			return cty.NilVal, err
		}
		// A network begins at a multiple of its size.
		size := power(bits - length)
		next.Add(next, new(big.Int).Sub(size, big.NewInt(1)))
		next.Div(next, size).Mul(next, size)
		start := new(big.Int).Set(next)
		if next.Add(next, size).Cmp(end) > 0 {
			return cty.NilVal, errors.New("the network has not enough room for all of them")
		}
		out = append(out, cty.StringVal(netip.PrefixFrom(addressAt(p.Addr(), start), length).String()))
	}
	return cty.ListVal(out), nil
}
