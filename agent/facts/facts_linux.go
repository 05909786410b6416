package facts

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"runner/agent/disk"
	"runner/agent/wire"
)

// maxMounts bounds what a machine with very many containers says of itself.
const maxMounts = 512

// Boot tells one start of the kernel from another; "" if nothing does.
func Boot() string { return text("/proc/sys/kernel/random/boot_id") }

// machine is what tells running systems apart: the boot, and for containers the processes and files that they see.
func machine() []string {
	id := []string{Boot()}
	if id[0] == "" { // no /proc
		id[0] = "host " + text("/etc/machine-id") + text("/etc/hostname")
	}
	space, _ := os.Readlink("/proc/self/ns/pid")
	var root unix.Stat_t
	_ = unix.Stat("/", &root)
	return append(id, space, fmt.Sprint(root.Dev, root.Ino)) //nolint:unconvert // types differ between systems
}

func system(f *wire.Facts) {
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		f.Arch = unix.ByteSliceToString(u.Machine[:])
		f.Kernel = unix.ByteSliceToString(u.Release[:])
		f.Hostname = unix.ByteSliceToString(u.Nodename[:])
	}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		f.MemoryBytes = int64(info.Totalram) * int64(info.Unit) //nolint:gosec,unconvert // types differ between systems
	}
	f.OS = release()
	f.MachineID = text("/etc/machine-id")
	if f.MachineID == "" {
		f.MachineID = text("/var/lib/dbus/machine-id")
	}
	f.Virtualization = virtualization()
	f.ServiceManager = serviceManager()
	f.Mounts = mounts(text("/proc/self/mountinfo"))
}

func release() wire.OSFacts {
	data := text("/etc/os-release")
	if data == "" {
		data = text("/usr/lib/os-release")
	}
	values := map[string]string{}
	for line := range strings.Lines(data) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			values[name] = strings.Trim(value, `"'`)
		}
	}
	os := wire.OSFacts{ID: values["ID"], Version: values["VERSION_ID"], Name: values["NAME"]}
	os.Family = family(append([]string{os.ID}, strings.Fields(values["ID_LIKE"])...))
	return os
}

// family is the distribution whose ways a system has: its own, or the one that it says it is like.
func family(ids []string) string {
	for _, id := range ids {
		switch id {
		case "debian", "ubuntu":
			return "debian"
		case "rhel", "fedora", "centos", "amzn", "ol", "rocky", "almalinux":
			return "rhel"
		case "suse", "opensuse", "sles", "opensuse-leap", "opensuse-tumbleweed":
			return "suse"
		case "alpine", "arch", "gentoo", "void", "nixos", "openwrt":
			return id
		}
	}
	if ids[0] != "" {
		return ids[0]
	}
	return "linux"
}

func serviceManager() string {
	switch {
	case exists("/run/systemd/system"):
		return "systemd"
	case exists("/run/openrc"):
		return "openrc"
	case exists("/run/runit"), exists("/run/runit.stopit"):
		return "runit"
	case exists("/run/s6"), exists("/run/s6-rc"):
		return "s6"
	case exists("/etc/init.d"):
		return "sysvinit"
	}
	return ""
}

// virtualization is what systemd-detect-virt(1) would say: the container first, then the machine around it.
func virtualization() string {
	if name := text("/run/systemd/container"); name != "" {
		return name
	}
	switch {
	case exists("/run/.containerenv"):
		return "podman"
	case exists("/.dockerenv"):
		return "docker"
	case strings.Contains(text("/proc/1/environ"), "container=lxc"):
		return "lxc"
	case exists("/proc/vz") && !exists("/proc/bc"):
		return "openvz"
	case strings.Contains(strings.ToLower(text("/proc/sys/kernel/osrelease")), "microsoft"):
		return "wsl"
	}
	vendor := text("/sys/class/dmi/id/sys_vendor") + " " + text("/sys/class/dmi/id/product_name")
	for _, m := range []struct{ word, name string }{
		{"Amazon EC2", "amazon"},
		{"Google", "google"},
		{"VMware", "vmware"},
		{"VirtualBox", "oracle"},
		{"Microsoft Corporation", "microsoft"},
		{"Parallels", "parallels"},
		{"Xen", "xen"},
		{"KVM", "kvm"},
		{"QEMU", "qemu"},
	} {
		if strings.Contains(vendor, m.word) {
			return m.name
		}
	}
	if hypervisor := text("/sys/hypervisor/type"); hypervisor != "" {
		return hypervisor
	}
	if cpu := text("/proc/cpuinfo"); strings.Contains(cpu, " hypervisor") {
		return "kvm"
	}
	return "none"
}

// mounts reads proc_pid_mountinfo(5).
func mounts(table string) []wire.MountFacts {
	var out []wire.MountFacts
	for line := range strings.Lines(table) {
		before, after, _ := strings.Cut(strings.TrimSpace(line), " - ")
		mount, file := strings.Fields(before), strings.Fields(after)
		if len(mount) < 6 || len(file) < 2 || len(out) == maxMounts {
			continue
		}
		out = append(out, wire.MountFacts{Path: disk.Unescape(mount[4]), Device: disk.Unescape(file[1]), Type: file[0], Options: mount[5]})
	}
	return out
}
