# SPDX-License-Identifier: BSD-2-Clause
"""The booted tests as data. Each case is one boot of one image."""
import os
import re
import time
from dataclasses import dataclass, field, replace

import kernels
from crash_cases import crash_cases
from disk_cases import disk_cases
from disk_trouble_cases import trouble_cases
from guests import all_tiny, debian, raw, tiny
from iommu_cases import iommu_cases
from machine import PROMPT, Failure
from sched_cases import sched_cases
from vcpu_cases import vcpu_cases
from volume_cases import volume_cases

IDLE = "when_idle=poweroff"


@dataclass
class Case:
    name: str
    guests: list
    cpus: int = 1
    memory: int = 1024          # MiB of the machine
    cpu: str = "EPYC,+svm,+npt"
    threads: str = ""           # QEMU's: one for each CPU, or "single", as on hosts that are not x86
    uefi: bool = False          # OVMF and GRUB's other half instead of the BIOS
    ips: int = 200000000        # Bochs's instructions a second
    bed: str = "amd"            # "amd": QEMU; "intel": Bochs, cpu is one of its models
    opts: str = IDLE            # CONTROL_OPTS of the image
    qemu: tuple = ()            # further arguments
    timeout: int = 120          # seconds, from power on
    must: list = field(default_factory=list)      # patterns that the serial log must have
    in_order: list = field(default_factory=list)  # the same, one after the other
    must_not: list = field(default_factory=list)
    ends: bool = True           # the machine must power itself off
    stop_at: str = ""           # if it does not: this ends the case well
    script: object = None       # function(machine): talks to the prompt
    repack: object = None       # function(folder): changes the unpacked image
    prepare: object = None      # function(): makes what the machine needs beside its image
    after: object = None        # function(): looks at that when the machine has ended
    disaster: bool = False      # panics are expected


# ---- Debian's kernel ------------------------------------------------------------------------

def booted(name):
    return [r"%s\| plinth-userspace" % name, r"%s\| plinth-guest .*hypervisor=xen" % name,
            r"%s\| plinth-work done" % name, r"%s \(domain \d+\) powered off" % name]


def debian_cases():
    eight = [debian("deb%d" % i) for i in range(8)]
    sizes = [debian("one", vcpus=1), debian("two", vcpus=2), debian("four", vcpus=4)]
    ends = [debian("off", "off"), debian("crash", "crash"),
            debian("reboot", "reboot", on_reboot="destroy")]
    linux_end = [r"off \(domain \d+\) powered off: destroy",
                 r"crash \(domain \d+\) crashed: destroy",
                 r"reboot \(domain \d+\) rebooted: destroy"]
    return [
        Case("debian-1", [debian("deb0")], timeout=90, must=booted("deb0")),
        Case("debian-8", eight, cpus=4, memory=2048, timeout=240,
             must=[p for g in eight for p in booted(g.name)]),
        Case("debian-vcpus", sizes, cpus=4, timeout=180,
             must=[p for g in sizes for p in booted(g.name)] +
             [r"%s\| plinth-guest .*cpus=%d " % (n, c) for n, c in (("one", 1), ("two", 2), ("four", 4))]),
        Case("debian-single", sizes, cpus=4, threads="single", timeout=180,
             must=[p for g in sizes for p in booted(g.name)]),
        Case("uefi", [debian("deb0")], uefi=True, timeout=120, must=booted("deb0")),
        Case("debian-4-on-1", [debian("four", vcpus=4)], timeout=150,
             must=booted("four") + [r"four\| plinth-guest .*cpus=4 "]),
        Case("debian-ends", ends, cpus=2, timeout=120, must=linux_end),
    ]


# ---- the tiny guests --------------------------------------------------------------------------

def tiny_cases(only, without):
    return [
        Case("tiny-1", all_tiny(only, without), memory=2560, timeout=240),
        Case("tiny-4", all_tiny(only, without), cpus=4, memory=2560, timeout=240),
        Case("tiny-single", all_tiny(only, without), cpus=4, threads="single", memory=2560, timeout=240),
    ]


# ---- VT-x -------------------------------------------------------------------------------------

# What Bochs 2.7's AMD-V cannot do, by guest.
NOT_ON_RYZEN = {"debug_regs": "the exit of #DB comes before DR6 says why",
                "startup_ignored": "a guest entered with IF=0 that computes has no exit at all"}
HASWELL = "corei7_haswell_4770"
MODELS = ["broadwell_ult", "corei7_skylake_x", "corei7_icelake_u", "tigerlake"]
# What is left out on the Intel bed. Bochs has one host thread for all CPUs and runs some 100 million
# instructions a second; its console knows no flow control.
LEFT_OUT = {
    "tiny-4": "intel-tiny-2 stands for it: more CPUs only take longer",
    "tiny-single": "it is about QEMU's threads", "debian-single": "it is about QEMU's threads",
    "debian-8": "minutes; intel-debian-2 and intel-debian-4-on-1 stand for it",
    "debian-vcpus": "minutes; intel-debian-2 and intel-debian-4-on-1 stand for it",
    "vcpus-64": "minutes", "vcpus-plug": "minutes", "vcpus-soak": "minutes",
    "vcpus-prompt": "the script's commands take too long",
    "life": "the script's commands take too long", "prompt": "the script's commands take too long",
    "churn": "a thousand guests take too long",
    "bad-kernels": "the control domain alone, on either vendor",
    "bad-cfg": "the control domain alone, on either vendor",
    "no-svm": "intel-no-vmx is VT-x's", "no-npt": "intel-no-ept is VT-x's",
    **{name: "on either vendor the same code" for name in
       ("no-control", "bad-control", "short-control", "dead-control", "little-memory")}}
# Does nothing of the virtual APIC by itself but TPR.
PLAIN_APIC = "corei7_sandy_bridge_2600k"
APIC_TESTS = ["ap_realmode", "apic_mmio", "apic_timer", "apic_tpr", "apic_x2", "ipi", "irq_once",
              "startup_ignored"]
# What is missing, a model without it, what the log must say.
LACKING = [("ept", "core2_penryn_t9600", [r"VT-x cannot be used: .*nested paging"]),
           ("unrestricted", "corei5_lynnfield_750", [r"VT-x cannot be used: .*unrestricted guest"]),
           ("vmx", "p4_prescott_celeron_336", [r"VT-x cannot be used: the CPU has no VT-x"])]


def ryzen(case, **changes):
    """Bochs's AMD-V, which saves the next RIP."""
    return intel(case, **{"name": "ryzen-" + case.name, "cpu": "ryzen", **changes})


def intel(case, **changes):
    """The same case on Bochs, which is slower and has less memory."""
    return replace(case, **{"name": "intel-" + case.name, "bed": "intel", "cpu": HASWELL,
                            "timeout": case.timeout * 3, "memory": min(case.memory, 2048), **changes})


def intel_cases(only, without):
    by_name = {c.name: c for c in tiny_cases(only, without) + debian_cases()}
    hello = Case("hello", [tiny("hello", verdict=False)], timeout=60)
    return [
        intel(by_name["tiny-1"]),
        intel(by_name["tiny-4"], name="intel-tiny-2", cpus=2),
        intel(by_name["debian-1"]),
        intel(by_name["debian-1"], name="intel-debian-2", cpus=2, timeout=400,
              guests=[debian("deb0", vcpus=2)],
              must=booted("deb0") + [r"deb0\| plinth-guest .*cpus=2 "]),
        intel(by_name["debian-4-on-1"]),
        intel(by_name["debian-ends"]),
        # OVMF leaves IA32_FEATURE_CONTROL open, and has no ACPI _S5 here.
        intel(by_name["uefi"], timeout=400, ends=False, stop_at=r"no usable ACPI _S5"),
        intel(Case("apic", [g for g in by_name["tiny-1"].guests if g.name in APIC_TESTS]),
              name="intel-plain-apic", cpu=PLAIN_APIC),
        ryzen(by_name["tiny-1"], guests=all_tiny(only, [*without, *NOT_ON_RYZEN])),
        ryzen(by_name["debian-1"]),
    ] + [intel(by_name["tiny-1"], name="intel-" + model, cpu=model) for model in MODELS] + [
        intel(hello, name="intel-no-" + what, cpu=model, ends=False, stop_at="halted", must=must,
              disaster=True)
        for what, model, must in LACKING]


# ---- the prompt -------------------------------------------------------------------------------

def check(condition, what):
    if not condition:
        raise Failure(what)


def row(listing, name):
    """Columns of one line of `list`: name, id, memory, vCPUs, state, time."""
    m = re.search(r"^%s\s+(\d+)\s+(\d+)\s+(\d+)\s+([-rbpscd]{6})\s+([\d.]+)$" % re.escape(name),
                  listing, re.M)
    check(m, "list has no line for %s: %r" % (name, listing))
    return m.groups()


def number(info, key):
    m = re.search(r"^%s\s*: (\d+)$" % key, info, re.M)
    check(m, "info has no %s" % key)
    return int(m.group(1))


def prompt_script(m):
    m.expect(PROMPT, 60)
    out = m.command("help")
    for verb in "list info dmesg console create destroy shutdown reboot pause unpause".split():
        check(re.search(r"^ *%s\b" % verb, out, re.M), "help does not name " + verb)
    out = m.command("list")
    check(re.search(r"^Name +ID +Mem +VCPUs\s+State\s+Time\(s\)", out, re.M), "columns of list")
    check(row(out, "Domain-0")[0] == "0", "Domain-0 is domain 0")
    check(row(out, "demo")[1] == "128", "memory of the demo guest")
    out = m.command("info")
    check(number(out, "free_memory") > 100, "free memory")
    check("Plinth hypervisor" in m.command("dmesg"), "dmesg shows the first line of the log")
    check("no such command" in m.command("nonsense"), "unknown command")
    for bad in ("create", "create nothing.cfg", "destroy", "destroy nobody", "destroy 4000",
                "destroy 0", "pause Domain-0", "console", "console nobody", "pause -1",
                "list nobody", "shutdown 99999999999", "unpause demo", "x" * 300, "; | > $( '\""):
        check(m.command(bad).strip(), "no answer to %r" % bad[:40])
    check(row(m.command("list"), "Domain-0")[0] == "0", "the control domain is still there")

    # The console: a root shell, Ctrl-] leaves it.
    m.send("console demo\r")
    m.expect(r"[#$] ", 90)
    m.send("echo $((6*7))-uid-$(id -u)\r")
    m.expect(r"42-uid-0", 30)
    m.send("cat /sys/hypervisor/type\r")
    m.expect(r"^xen", 30)
    m.send("\x1d")
    m.expect(PROMPT, 20)

    # Paused means that nothing goes on.
    m.command("pause demo")
    state = row(m.command("list"), "demo")
    check("p" in state[3], "state of a paused guest: " + state[3])
    time.sleep(1)
    check(row(m.command("list"), "demo")[4] == state[4], "a paused guest uses time")
    m.command("unpause demo")
    check("p" not in row(m.command("list"), "demo")[3], "unpaused")
    m.send("console demo\r")
    m.send("echo back-again\r")
    m.expect(r"^back-again", 30)
    m.send("\x1d")
    m.expect(PROMPT, 20)

    # reboot and shutdown go through the guest; a new domain each time.
    before = row(m.command("list"), "demo")[0]
    m.command("reboot demo")
    m.expect(r"demo \(domain %s\) rebooted: restart" % before, 90)
    m.send("console demo\recho alive-$((1+1))\r")
    m.expect(r"^alive-2", 90)
    m.send("\x1d")
    m.expect(PROMPT, 20)
    check(row(m.command("list"), "demo")[0] != before, "a rebooted guest is a new domain")
    m.command("shutdown demo")
    m.expect(r"demo \(domain \d+\) powered off: destroy", 90)
    check("demo" not in m.command("list"), "powered off means gone")
    # The console of a dead guest can be read; create again, destroy at any moment.
    m.send("console demo\r")
    m.expect(r"plinth-userspace|the guest has ended", 20)
    m.send("\x1d\r")
    m.expect(PROMPT, 20)
    for wait in (0, 0.02, 0.1, 0.3, 0.7, 1.5, 3):
        m.command("create demo.cfg")
        time.sleep(wait)
        m.command("destroy demo")
        check("demo" not in m.command("list"), "destroyed means gone")
    m.command("create demo")
    check("already" in m.command("create demo"), "a second guest of the same name")
    m.send("host-poweroff\r")


def churn_script(m):
    m.expect(PROMPT, 60)
    m.command("destroy waiter")
    for _ in range(5):  # what is allocated once and kept
        m.command("create waiter")
        m.command("destroy waiter")
    first = m.command("info")
    for i in range(1000):
        m.send("create waiter\rdestroy waiter\r")
        if i % 20 == 19:
            out = m.command("", 60)
            check("not started" not in out, "create failed after %d rounds: %s" % (i, out))
    check("waiter" not in m.command("list"), "nothing is left")
    last = m.command("info")
    for key in ("free_memory_kib", "hypervisor_memory_kib", "domains"):
        check(number(first, key) == number(last, key),
              "%s was %d, is %d" % (key, number(first, key), number(last, key)))
    growth = number(last, "control_heap_used_kib") - number(first, "control_heap_used_kib")
    check(growth <= 16, "the control domain's heap grew by %d KiB" % growth)
    m.send("host-poweroff\r")


# ---- ends of a domain -------------------------------------------------------------------------

def ending(name, words, **keys):
    return tiny(name, verdict=False, elf="shutdown", cmdline=words, **keys)


def life_script(m):
    m.expect(PROMPT, 60)
    # Restarted again and again until it is destroyed.
    for _ in range(3):
        m.expect(r"again \(domain \d+\) rebooted: restart", 30)
    m.command("destroy again")
    m.position = 0
    for line in (r"off \(domain \d+\) powered off: destroy", r"halt \(domain \d+\) powered off: destroy",
                 r"triple \(domain \d+\): triple fault on vCPU 0", r"triple \(domain \d+\) rebooted: destroy",
                 r"crash \(domain \d+\) crashed: preserve", r"dog \(domain \d+\) watchdog: destroy",
                 r"soft \(domain \d+\) reset itself: destroy", r"offre \(domain \d+\) powered off: preserve",
                 r"tables \(domain \d+\) (rebooted|crashed): destroy",
                 r"hole \(domain \d+\) (rebooted|crashed): destroy|hole\| ERROR"):
        m.position = 0
        m.expect(line, 30)
    m.position = len(m.buffer)
    out = m.command("list")
    check(row(out, "crash")[3][4] == "c", "state of a preserved crashed guest")
    check(row(out, "offre")[3][3] == "s", "state of a preserved guest")
    for name in ("off", "halt", "triple", "dog", "soft", "again"):
        check(not re.search("^%s " % name, out, re.M), name + " is gone")
    # One that loops with interrupts off disturbs nobody: the prompt, and a Debian guest.
    check("r" in row(out, "loop")[3] or row(out, "loop")[4] > "0.0", "the loop runs")
    m.position = 0
    m.expect(r"deb\| plinth-work done", 150)
    m.position = len(m.buffer)
    m.command("pause loop")
    m.command("destroy loop")
    m.command("destroy crash")
    m.command("destroy offre")
    out = m.command("list")
    check("loop" not in out and "crash" not in out, "destroyed")
    m.send("host-poweroff\r")


def life_case():
    return Case("life", [
        ending("again", "reboot"),
        ending("crash", "crash", on_crash="preserve"),
        ending("dog", "watchdog"),
        ending("halt", "halt", vcpus=4),
        ending("hole", "runhole", on_reboot="destroy"),
        ending("loop", "loop"),
        ending("off", "poweroff"),
        ending("offre", "poweroff", on_poweroff="preserve"),
        ending("soft", "softreset", on_reboot="destroy"),
        ending("tables", "badtables", on_reboot="destroy"),
        ending("triple", "triple", on_reboot="destroy"),
        debian("deb"),
    ], opts="", timeout=240, script=life_script)


# ---- bad input --------------------------------------------------------------------------------

def bad_kernel_case():
    """One boot: kernels that must be refused, each with a line; good ones beside them."""
    guests, must = [], []
    for kind in kernels.COMPRESSIONS:
        for name, make in (("good", kernels.good), ("truncated", kernels.truncated),
                           ("short", kernels.short), ("corrupt", kernels.corrupt)):
            g = tiny("%s_%s" % (name, kind), verdict=name == "good")
            g.files = {g.name + ".img": lambda make=make, kind=kind: make(kind)}
            g.keys["kernel"] = g.name + ".img"
            guests.append(g)
            if name != "good":
                must.append(r"%s\.cfg: not started: .*%s\.img: \S" % (g.name, g.name))
    for name, make in kernels.BAD_ELF.items():
        g = tiny("elf_" + name, verdict=False)
        g.files = {g.name + ".img": make}
        g.keys["kernel"] = g.name + ".img"
        guests.append(g)
        must.append(r"elf_%s\.cfg: not started: \S" % name)
    guests.append(tiny("toobig", verdict=False, elf="hello", memory=60000))
    must.append(r"toobig\.cfg: not started: .*60000 MiB asked, \d+ MiB free")
    guests.append(tiny("toosmall", verdict=False, elf="balloon", memory=2))
    must.append(r"toosmall\.cfg: not started: \S")
    guests.append(tiny("zz_last", elf="hello"))
    return Case("bad-kernels", guests, must=must, must_not=[r"\| FAIL"], timeout=120)


CFG = 'name = "%s"\ntype = "pvh"\nkernel = "hello.elf"\nmemory = 32\n'
BAD_CFG = {  # file: (text, line of the trouble, key of the trouble)
    "c01": (CFG % "c01" + "colour = 3\n", 5, "colour"),
    "c02": (CFG % "c02" + "vcpus = 0\n", 5, "vcpus"),
    "c03": (CFG % "c03" + 'vcpus = "many"\n', 5, "vcpus"),
    "c04": (CFG % "c04" + "vcpus = 1000\n", 5, "vcpus"),
    "c05": (CFG % "c05" + 'on_crash = "explode"\n', 5, "on_crash"),
    "c06": (CFG % "c06" + 'ramdisk = "missing.img"\n', 5, "ramdisk"),
    "c07": ('name = "c07"\ntype = "hvm"\nkernel = "hello.elf"\nmemory = 32\n', 2, "type"),
    "c08": ('name = "c08"\ntype = "pvh"\nkernel = "nothing"\nmemory = 32\n', 3, "kernel"),
    "c09": ('name = "c09"\ntype = "pvh"\nmemory = 32\n', None, "kernel"),
    "c10": ('type = "pvh"\nkernel = "hello.elf"\nmemory = 32\n', None, "name"),
    "c11": (CFG % "c11" + "memory = 64\nmaxmem = 16\n", None, "mem"),
    "c12": (CFG % "c12" + 'cmdline = "no end\n', 5, ""),
    "c13": (CFG % "c13" + "uuid = \"not-a-uuid\"\n", 5, "uuid"),
    "c14": (CFG % "c14" + "= 3\n", 5, ""),
    "c15": (CFG % "c15" + "vcpus = [1, 2\n", None, ""),
    "c16": ('name = "%s"\ntype = "pvh"\nkernel = "hello.elf"\n' % ("n" * 300), 1, "name"),
    "c17": ("\0\1\2\3" * 50, 1, ""),
    "c18": (CFG % "c18" + 'cmdline = "%s"\n' % ("x" * 5000), 5, "cmdline"),
    "c19": (CFG % "c19" + 'kernel = ["a", "b"]\n', None, "kernel"),
    "c20": (CFG % "../x" + "", 1, "name"),
    "c21": (CFG % "c21" + "vcpus = -1\n", 5, "vcpus"),
    "c22": (CFG % "c22" + "vcpus = 99999999999999999999\n", 5, "vcpus"),
}


def bad_cfg_case():
    guests = [tiny("aa_first", elf="hello"), tiny("zz_last", elf="hello")]
    must = []
    for name, (text, line, key) in BAD_CFG.items():
        guests.append(raw(name, text))
        where = r"%s\.cfg:%s: " % (name, line) if line else r"%s\.cfg.*" % name
        must.append(where + ".*" + key)
    guests.append(raw("d1", CFG % "twin", {}))
    guests.append(raw("d2", CFG % "twin", {}))
    return Case("bad-cfg", guests, must=must, must_not=[r"c\d\d\.cfg: started"], timeout=60)


def grub_lines(folder, change):
    path = os.path.join(folder, "boot/grub/grub.cfg")
    with open(path) as f:
        lines = f.read().split("\n")
    with open(path, "w") as f:
        f.write("\n".join(change(lines)))


def drop_modules(folder):
    grub_lines(folder, lambda ls: [x for x in ls if "module2" not in x])


def spoil_control(spoil):
    def change(folder):
        path = os.path.join(folder, "boot/1")
        with open(path, "rb") as f:
            data = bytearray(f.read())
        with open(path, "wb") as f:
            f.write(spoil(data))
    return change


def zero_code(data):
    """The entry stays, most of what it calls is gone."""
    data[0x1800:0x30000] = b"\x0f\x0b" * ((0x30000 - 0x1800) // 2)
    return data


def bad_machine_cases():
    one = lambda: [tiny("hello", verdict=False)]
    halted = {"ends": False, "stop_at": "halted", "timeout": 60, "disaster": True}
    return [
        Case("no-svm", one(), cpu="EPYC,-svm", must=[r"AMD-V.*(no|cannot)", "SVM"], **halted),
        Case("no-npt", one(), cpu="EPYC,+svm,-npt", must=["nested paging", "NPT"], **halted),
        Case("no-control", one(), repack=drop_modules, must=["no control domain"], **halted),
        Case("bad-control", one(), repack=spoil_control(lambda d: b"junk" * 4096),
             must=[r"control domain: .*ELF"], **halted),
        Case("short-control", one(), repack=spoil_control(lambda d: d[:len(d) // 2]),
             must=[r"control domain: .*(truncated|beyond)"], **halted),
        Case("dead-control", one(), repack=spoil_control(zero_code), ends=False, timeout=60,
             must=[r"(?i)control domain"], stop_at=r"(?i)control domain.*(gone|fault|crash|shut down)",
             disaster=True),
        Case("little-memory", [tiny("hello"), tiny("huge", verdict=False, elf="hello", memory=200)],
             memory=128, must=[r"huge\.cfg: not started: .*200 MiB asked, \d+ MiB free"], timeout=60),
    ]


def demo_guest():
    g = debian("demo", "shell")
    del g.keys["plinth_console"]
    return g


def all_cases(only_guests=None, without=()):
    """Long ones first: two run at a time."""
    return tiny_cases(only_guests, without) + debian_cases() + intel_cases(only_guests, without) + \
        sched_cases(Case, IDLE) + [
        life_case(),
        Case("prompt", [demo_guest()], opts="", timeout=300, memory=512, script=prompt_script),
        Case("churn", [ending("waiter", "wait", memory=8)], opts="", timeout=600, memory=512,
             script=churn_script),
        bad_kernel_case(),
        bad_cfg_case(),
    ] + bad_machine_cases() + vcpu_cases(Case) + iommu_cases(Case) + disk_cases(Case) + \
        trouble_cases(Case) + volume_cases(Case) + crash_cases(Case)
