package function

import (
	"fmt"
	"math/big"
	"net/netip"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"runner/lang/diag"
	"runner/lang/function/cidr"
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

// networkArgument parses the first argument.
func networkArgument(args []cty.Value) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(args[0].AsString())
	if err != nil {
		return p, function.NewArgErrorf(0, "must be a network such as 10.0.0.0/8 or fd00::/64, not %s", diag.Quote(args[0].AsString()))
	}
	return p, nil
}

// integer returns an argument that is a whole number of any size.
func integer(args []cty.Value, i int) (*big.Int, error) {
	n, accuracy := args[i].AsBigFloat().Int(nil)
	if accuracy != big.Exact {
		return nil, function.NewArgErrorf(i, "must be a whole number")
	}
	return n, nil
}

// bits returns an argument that is a number of bits of an address.
func bits(args []cty.Value, i int) (int, error) {
	const most = 128
	n, err := wholeNumber(args[i], 0, most)
	if err != nil {
		return 0, function.NewArgError(i, err)
	}
	return n, nil
}

// shown is a network or an address as text, or the error that it could not be calculated for.
func shown(v fmt.Stringer, err error) (cty.Value, error) {
	if err != nil {
		return cty.NilVal, err
	}
	return cty.StringVal(v.String()), nil
}

func cidrHost(args []cty.Value) (cty.Value, error) {
	network, err := networkArgument(args)
	if err != nil {
		return cty.NilVal, err
	}
	number, err := integer(args, 1)
	if err != nil {
		return cty.NilVal, err
	}
	return shown(cidr.Host(network, number))
}

func cidrNetmask(args []cty.Value) (cty.Value, error) {
	network, err := networkArgument(args)
	if err != nil {
		return cty.NilVal, err
	}
	return shown(cidr.Netmask(network))
}

func cidrSubnet(args []cty.Value) (cty.Value, error) {
	network, err := networkArgument(args)
	if err != nil {
		return cty.NilVal, err
	}
	newbits, err := bits(args, 1)
	if err != nil {
		return cty.NilVal, err
	}
	number, err := integer(args, 2)
	if err != nil {
		return cty.NilVal, err
	}
	return shown(cidr.Subnet(network, newbits, number))
}

func cidrSubnets(args []cty.Value) (cty.Value, error) {
	network, err := networkArgument(args)
	if err != nil {
		return cty.NilVal, err
	}
	newbits := make([]int, len(args)-1)
	for i := range newbits {
		if newbits[i], err = bits(args, i+1); err != nil {
			return cty.NilVal, err
		}
	}
	parts, err := cidr.Split(network, newbits)
	if err != nil {
		return cty.NilVal, err
	}
	values := make([]cty.Value, len(parts))
	for i, part := range parts {
		values[i] = cty.StringVal(part.String())
	}
	if len(values) == 0 {
		return cty.ListValEmpty(cty.String), nil
	}
	return cty.ListVal(values), nil
}
