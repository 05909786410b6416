//go:build darwin || freebsd

package facts

import (
	"fmt"
	"net"
	"runtime"

	"golang.org/x/sys/unix"

	"runner/agent/wire"
)

// Boot tells one start of the kernel from another; "" if nothing does.
func Boot() string {
	if id, err := unix.Sysctl("kern.bootsessionuuid"); err == nil {
		return id
	}
	if at, err := unix.SysctlTimeval("kern.boottime"); err == nil {
		return fmt.Sprint(at.Sec)
	}
	return ""
}

// machine is what tells running systems apart: the boot, and for jails the files that they see.
func machine() []string {
	var id []string
	for _, name := range []string{"kern.bootsessionuuid", "kern.hostuuid", "kern.hostname"} {
		if value, err := unix.Sysctl(name); err == nil {
			id = append(id, value)
		}
	}
	if boot, err := unix.SysctlTimeval("kern.boottime"); err == nil && runtime.GOOS == "freebsd" {
		id = append(id, fmt.Sprint(boot.Sec))
	}
	var root unix.Stat_t
	_ = unix.Stat("/", &root)
	return append(id, fmt.Sprint(root.Dev, root.Ino))
}

func system(f *wire.Facts) {
	sysctl := func(name string) string {
		value, _ := unix.Sysctl(name)
		return value
	}
	f.Arch, f.Kernel, f.Hostname = sysctl("hw.machine"), sysctl("kern.osrelease"), sysctl("kern.hostname")
	f.OS = wire.OSFacts{Family: runtime.GOOS, ID: runtime.GOOS, Version: f.Kernel, Name: "FreeBSD"}
	f.ServiceManager, f.MachineID = "rc", sysctl("kern.hostuuid")
	memory := "hw.physmem"
	if runtime.GOOS == "darwin" {
		f.OS.Version, f.OS.Name = sysctl("kern.osproductversion"), "macOS"
		f.ServiceManager, f.MachineID = "launchd", sysctl("kern.uuid")
		memory = "hw.memsize"
	}
	if size, err := unix.SysctlUint64(memory); err == nil {
		f.MemoryBytes = int64(size) //nolint:gosec // a machine's memory
	}
	f.Virtualization = virtualization()
	f.Mounts = mounts()
}

func virtualization() string {
	if jailed, err := unix.SysctlUint32("security.jail.jailed"); err == nil && jailed == 1 {
		return "jail"
	}
	if guest, err := unix.Sysctl("kern.vm_guest"); err == nil && guest != "" {
		return guest
	}
	return "none"
}

// mounts asks the kernel for what it knows already, which no file system can delay.
func mounts() []wire.MountFacts {
	n, err := unix.Getfsstat(nil, unix.MNT_NOWAIT)
	if err != nil {
		return nil
	}
	list := make([]unix.Statfs_t, n)
	if n, err = unix.Getfsstat(list, unix.MNT_NOWAIT); err != nil {
		return nil
	}
	var out []wire.MountFacts
	for _, m := range list[:n] {
		out = append(out, wire.MountFacts{
			Path:   unix.ByteSliceToString(m.Mntonname[:]),
			Device: unix.ByteSliceToString(m.Mntfromname[:]),
			Type:   unix.ByteSliceToString(m.Fstypename[:]),
		})
	}
	return out
}

func interfaces() map[string]wire.NetFacts {
	list, err := net.Interfaces()
	if err != nil {
		return nil
	}
	out := map[string]wire.NetFacts{}
	for _, i := range list {
		facts := wire.NetFacts{MAC: i.HardwareAddr.String(), MTU: i.MTU, Up: i.Flags&net.FlagUp != 0, Addresses: []string{}}
		addresses, _ := i.Addrs()
		for _, a := range addresses {
			facts.Addresses = append(facts.Addresses, a.String())
		}
		out[i.Name] = facts
	}
	return out
}
