package facts

import (
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"

	"runner/agent/wire"
)

// interfaces asks the kernel twice, however many interfaces there are; package net would ask once for each.
func interfaces() map[string]wire.NetFacts {
	names := map[uint32]string{}
	out := map[string]wire.NetFacts{}
	eachRoute(syscall.RTM_GETLINK, func(m syscall.NetlinkMessage, attributes []syscall.NetlinkRouteAttr) {
		if len(m.Data) < syscall.SizeofIfInfomsg {
			return
		}
		index := binary.NativeEndian.Uint32(m.Data[4:])
		flags := binary.NativeEndian.Uint32(m.Data[8:])
		facts := wire.NetFacts{Up: flags&syscall.IFF_UP != 0, Addresses: []string{}}
		name := ""
		for _, a := range attributes {
			switch a.Attr.Type {
			case syscall.IFLA_IFNAME:
				name = cString(a.Value)
			case syscall.IFLA_ADDRESS:
				if flags&syscall.IFF_LOOPBACK == 0 {
					facts.MAC = net.HardwareAddr(a.Value).String()
				}
			case syscall.IFLA_MTU:
				if len(a.Value) == 4 {
					facts.MTU = int(binary.NativeEndian.Uint32(a.Value))
				}
			}
		}
		if name != "" {
			names[index] = name
			out[name] = facts
		}
	})
	eachRoute(syscall.RTM_GETADDR, func(m syscall.NetlinkMessage, attributes []syscall.NetlinkRouteAttr) {
		if len(m.Data) < syscall.SizeofIfAddrmsg {
			return
		}
		name := names[binary.NativeEndian.Uint32(m.Data[4:])]
		facts, ok := out[name]
		if !ok {
			return
		}
		var address, local netip.Addr
		for _, a := range attributes {
			switch a.Attr.Type {
			case syscall.IFA_ADDRESS:
				address, _ = netip.AddrFromSlice(a.Value)
			case syscall.IFA_LOCAL:
				local, _ = netip.AddrFromSlice(a.Value)
			}
		}
		if local.IsValid() { // of a point-to-point interface the other is the peer's
			address = local
		}
		if address.IsValid() {
			facts.Addresses = append(facts.Addresses, netip.PrefixFrom(address, int(m.Data[1])).String())
			out[name] = facts
		}
	})
	return out
}

func eachRoute(kind int, f func(syscall.NetlinkMessage, []syscall.NetlinkRouteAttr)) {
	table, err := syscall.NetlinkRIB(kind, syscall.AF_UNSPEC)
	if err != nil {
		return
	}
	messages, err := syscall.ParseNetlinkMessage(table)
	if err != nil {
		return
	}
	for _, m := range messages {
		if attributes, err := syscall.ParseNetlinkRouteAttr(&m); err == nil {
			f(m, attributes)
		}
	}
}

func cString(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}
