package cidr

import (
	"errors"
	"math/big"
	"net/netip"
	"testing"
)

func TestSplit(t *testing.T) {
	tests := []struct {
		network string
		bits    []int
		want    string // the last part; "" for an error
	}{
		{"10.1.0.0/16", []int{8, 4}, "10.1.16.0/20"},
		{"10.1.0.0/16", []int{4, 4, 8}, "10.1.32.0/24"},
		{"10.0.0.0/24", []int{1, 1}, "10.0.0.128/25"},
		{"10.0.0.0/24", []int{1, 1, 8}, ""},
		{"10.0.0.0/24", []int{8, 1, 1}, ""},
		{"10.0.0.0/24", []int{0}, ""},
		{"10.0.0.0/24", []int{9}, ""},
		{"::/0", []int{1, 1}, "8000::/1"},
		{"fd00::/64", []int{64}, "fd00::/128"},
	}
	for _, test := range tests {
		parts, err := Split(netip.MustParsePrefix(test.network), test.bits)
		if (err != nil) != (test.want == "") {
			t.Errorf("%s, %v: %v", test.network, test.bits, err)
			continue
		}
		if err == nil && parts[len(parts)-1].String() != test.want {
			t.Errorf("%s, %v: %v", test.network, test.bits, parts)
		}
	}
	if _, err := Split(netip.MustParsePrefix("10.0.0.0/31"), []int{1, 1, 1}); !errors.Is(err, ErrRoom) {
		t.Error(err)
	}
}

// Whatever the network and the number, the address lies within the network, and the last one is before its end.
func FuzzHost(f *testing.F) {
	f.Add("10.0.0.0/8", int64(-1))
	f.Add("fd00::/127", int64(2))
	f.Add("255.255.255.255/32", int64(0))
	f.Fuzz(func(t *testing.T, network string, number int64) {
		p, err := netip.ParsePrefix(network)
		if err != nil {
			return
		}
		host, err := Host(p, big.NewInt(number))
		if err == nil && !p.Contains(host) {
			t.Errorf("%s does not contain %s", p, host)
		}
		if sub, err := Subnet(p, 1, big.NewInt(number)); err == nil && (!p.Overlaps(sub) || sub.Bits() != p.Bits()+1) {
			t.Errorf("%s does not contain %s", p, sub)
		}
	})
}
