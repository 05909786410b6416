// Package cidr calculates with IP networks. Package function offers it to expressions.
package cidr

import (
	"errors"
	"fmt"
	"math/big"
	"net/netip"
)

// ErrRoom is returned by Split when the parts do not fit.
var ErrRoom = errors.New("the network has not enough room for all of them")

// Host returns the address of a network that has the number, counted from its beginning, or from its end if negative.
func Host(network netip.Prefix, number *big.Int) (netip.Addr, error) {
	count := power(free(network))
	n := new(big.Int).Set(number)
	if n.Sign() < 0 {
		n.Add(n, count)
	}
	if n.Sign() < 0 || n.Cmp(count) >= 0 {
		return netip.Addr{}, fmt.Errorf("the network has only %s addresses", count)
	}
	return behind(network, n), nil
}

// Netmask returns the netmask of an IPv4 network.
func Netmask(network netip.Prefix) (netip.Addr, error) {
	if !network.Addr().Is4() {
		return netip.Addr{}, errors.New("only IPv4 networks have netmasks")
	}
	ones, err := netip.AddrFrom4([4]byte{255, 255, 255, 255}).Prefix(network.Bits())
	return ones.Addr(), err
}

// Subnet returns the part of a network whose prefix is so many bits longer, these bits being the number.
func Subnet(network netip.Prefix, bits int, number *big.Int) (netip.Prefix, error) {
	if err := check(network, bits, 0); err != nil {
		return netip.Prefix{}, err
	}
	if count := power(bits); number.Sign() < 0 || number.Cmp(count) >= 0 {
		return netip.Prefix{}, fmt.Errorf("there are only %s networks of this size", count)
	}
	offset := new(big.Int).Mul(number, power(free(network)-bits))
	return netip.PrefixFrom(behind(network, offset), network.Bits()+bits), nil
}

// Split returns parts of a network, one behind the other, each with a prefix that is so many bits longer. Room is left
// free where a part has to begin at a multiple of its size.
func Split(network netip.Prefix, bits []int) ([]netip.Prefix, error) {
	end, next := power(free(network)), new(big.Int)
	var out []netip.Prefix
	for _, b := range bits {
		if err := check(network, b, 1); err != nil {
			return nil, err
		}
		size := power(free(network) - b)
		next.Add(next, size).Sub(next, big.NewInt(1))
		next.Div(next, size).Mul(next, size)
		start := new(big.Int).Set(next)
		if next.Add(next, size).Cmp(end) > 0 {
			return nil, ErrRoom
		}
		out = append(out, netip.PrefixFrom(behind(network, start), network.Bits()+b))
	}
	return out, nil
}

// free is the number of bits behind the prefix.
func free(network netip.Prefix) int { return network.Addr().BitLen() - network.Bits() }

func check(network netip.Prefix, bits, least int) error {
	if bits < least || bits > free(network) {
		return fmt.Errorf("a prefix of %d bits can become from %d to %d bits longer", network.Bits(), least, free(network))
	}
	return nil
}

func power(bits int) *big.Int { return new(big.Int).Lsh(big.NewInt(1), uint(bits)) }

// behind is the address that lies so many addresses behind the first one of a network, within it.
func behind(network netip.Prefix, offset *big.Int) netip.Addr {
	first := network.Masked().Addr().AsSlice()
	sum := new(big.Int).SetBytes(first)
	out, _ := netip.AddrFromSlice(sum.Add(sum, offset).FillBytes(first))
	return out
}
