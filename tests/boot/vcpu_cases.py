# SPDX-License-Identifier: BSD-2-Clause
"""Booted tests of vCPUs: many of them, plugged and unplugged, and the commands on them."""
import random
import re
import time

from guests import debian
from machine import PROMPT, Failure


def check(condition, what):
    if not condition:
        raise Failure(what)


def said(m, line):
    """What a command says, without lines of the guests' logs."""
    return "\n".join(x for x in m.command(line).split("\n") if x.strip() and not re.match(r"\w+\| ", x))


def wait_log(m, pattern, timeout=240, count=1):
    """Until the whole log has it so often; what command() has yet to read stays."""
    end = time.monotonic() + timeout
    while len(re.findall(pattern, m.text(), re.M)) < count:
        check(time.monotonic() < end, "%d times %r is not in the log after %d s" % (count, pattern, timeout))
        time.sleep(0.2)


def plug(name, rounds, **keys):
    return debian(name, "plug", extra=" rounds=%d" % rounds, **keys)


# ---- the prompt -------------------------------------------------------------------------------

def sched_row(out, name):
    m = re.search(r"^%s +(\d+) +(\d+) +(\d+)$" % re.escape(name), out, re.M)
    check(m, "sched-credit has no line for %s: %r" % (name, out))
    return int(m.group(2)), int(m.group(3))


def vcpu_rows(out, name):
    """Of vcpu-list: vCPU, CPU or -, state, time, where it may run."""
    return re.findall(r"^%s +\d+ +(\d+) +(\d+|-) +([r-][b-][p-]) +([\d.]+)  (\S+) / all$" % re.escape(name),
                      out, re.M)


def sched_commands(m):
    out = m.command("sched-credit")
    check(re.search(r"^Name +ID Weight +Cap$", out, re.M), "columns of sched-credit: %r" % out)
    check(sched_row(out, "Domain-0")[1] == 0, "the control domain has no cap")
    check(sched_row(out, "cfg") == (512, 150), "cpu_weight and cap of the .cfg")
    check(sched_row(out, "watch") == (256, 0), "their defaults")
    for words, want in (("-d watch -w 1000", (1000, 0)), ("-d watch -c 80", (1000, 80)),
                        ("--domain=watch --weight=65535 --cap=0", (65535, 0)),
                        ("-dwatch -w1 -c400", (1, 400)), ("-w 256 -c 0 -d watch", (256, 0))):
        check(not said(m, "sched-credit " + words), "an answer to sched-credit " + words)
        out = m.command("sched-credit -d watch")
        check(sched_row(out, "watch") == want and "Domain-0" not in out, "sched-credit %s: %r" % (words, out))
    for words in ("-d", "-w 5", "-d nobody", "-d watch -w 0", "-d watch -w 65536", "-d watch -w -1",
                  "-d watch -w", "-d watch -c 401", "-d watch -c x", "-d watch -w 99999999999999999999",
                  "-x", "watch", "-d watch -w 5 -c 401"):
        check(said(m, "sched-credit " + words), "no answer to sched-credit " + words)
    check(sched_row(m.command("sched-credit"), "watch") == (256, 0), "a wrong one changes nothing")


def pin_commands(m):
    out = m.command("vcpu-list")
    check(re.search(r"^Name +ID +VCPU +CPU State +Time\(s\) Affinity \(Hard / Soft\)$", out, re.M),
          "columns of vcpu-list: %r" % out)
    check(len(vcpu_rows(out, "watch")) == 4 and len(vcpu_rows(out, "Domain-0")) == 1, "vCPUs: %r" % out)
    check([r[4] for r in vcpu_rows(out, "cfg")] == ["0", "1", "all"], "cpus of the .cfg: %r" % out)
    check(vcpu_rows(m.command("vcpu-list watch cfg"), "cfg"), "two domains")
    check(not vcpu_rows(m.command("vcpu-list cfg"), "watch"), "one domain")
    for words, want in (("all 1", ["1"] * 4), ("0 0", ["0", "1", "1", "1"]), ("all 0-1,^0", ["1"] * 4),
                        ("3 0-200", ["1", "1", "1", "all"]), ("all all", ["all"] * 4)):
        check(not said(m, "vcpu-pin watch " + words), "an answer to vcpu-pin " + words)
        got = [r[4] for r in vcpu_rows(m.command("vcpu-list watch"), "watch")]
        check(got == want, "vcpu-pin %s: %s" % (words, got))
    for words in ("watch 0 2", "watch 4 0", "watch x 0", "watch -1 0", "watch 0 0-", "watch 0 256",
                  "nobody 0 0", "watch 0", "watch", "", "watch 0 0 0", "watch all ^0", "watch 99999999999 0"):
        check(said(m, "vcpu-pin " + words), "no answer to vcpu-pin " + words)
    got = [r[4] for r in vcpu_rows(m.command("vcpu-list watch"), "watch")]
    check(got == ["all"] * 4, "a wrong one changes nothing: %s" % got)
    check(not said(m, "vcpu-pin Domain-0 0 1"), "the control domain can be pinned")
    check(not said(m, "vcpu-pin 0 all all"), "and released")


def set_vcpus(m, n, online):
    check(not said(m, "vcpu-set watch %d" % n), "an answer to vcpu-set")
    end = time.monotonic() + 60
    while re.findall(r"watch\| plinth-cpus (\S+)", m.text())[-1:] != [online]:
        check(time.monotonic() < end, "vcpu-set %d: not %s" % (n, online))
        time.sleep(0.2)
    left = [r[0] for r in vcpu_rows(m.command("vcpu-list watch"), "watch") if r[1] != "-"]
    check(len(left) == n, "vcpu-list after vcpu-set %d: %s" % (n, left))


def set_commands(m):
    wait_log(m, r"watch\| plinth-cpus 0-1$")
    for n, online in ((4, "0-3"), (1, "0"), (3, "0-2"), (2, "0-1")):
        set_vcpus(m, n, online)
    for words in ("watch 0", "watch 5", "watch x", "watch -1", "nobody 1", "watch", "Domain-0 1",
                  "watch 99999999999999999999"):
        check(said(m, "vcpu-set " + words), "no answer to vcpu-set " + words)


def exits_and_top(m):
    out = m.command("exits watch")
    rows = {k.strip(): int(n) for k, n in re.findall(r"^(\S.*\S) +(\d+)$", out, re.M)}
    check(rows.get("HLT", 0) > 0 and rows.get("hypercall", 0) > 0, "exits: %r" % out)
    check(sum(rows.values()) == 2 * rows["all"], "the sum of all exits: %r" % out)
    one = m.command("exits watch 0")
    check(0 < int(re.search(r"^all +(\d+)$", one, re.M).group(1)), "exits of a vCPU: %r" % one)
    check(re.search(r"^all +\d+$", m.command("exits Domain-0"), re.M), "the control domain's exits")
    for words in ("", "nobody", "watch 4", "watch x", "watch 0 0", "watch -1"):
        check(said(m, "exits " + words), "no answer to exits " + words)
    for words in ("-n", "-n 0", "-n x", "5", "-n 1 1", "-n -1"):
        check(said(m, "top " + words), "no answer to top " + words)
    m.send("top -n 3\r")
    for _ in range(3):
        m.expect(r"Plinth, up \d+ s", 20)
        row = m.expect(r"^storm +\d+ [r-][-b]---- +([\d.]+) +[\d.]+ +128 +\d+ +(\d+)", 20)
    check(float(row.group(1)) > 5 and int(row.group(2)) > 0, "use of a busy guest: %r" % row.group(0))
    m.expect(PROMPT, 20)
    m.send("top\r")
    m.expect(r"Plinth, up", 20)
    m.expect(r"Plinth, up", 20)
    m.send("xyz\x1b[Aq")
    m.expect(PROMPT, 20)
    check("Domain-0" in m.command("list"), "the prompt is back")


def used(m):
    """What cannot change while a guest is paused: a timer may still end a wait."""
    return [(r[0], r[1], r[3]) for r in vcpu_rows(m.command("vcpu-list storm"), "storm")]


def prompt_script(m):
    m.expect(PROMPT, 60)
    out = m.command("help")
    for verb in "sched-credit vcpu-list vcpu-pin vcpu-set top exits".split():
        check(re.search(r"^ *%s " % verb, out, re.M), "help does not name " + verb)
    check(re.search(r"bad\.cfg:\d+: key 'maxvcpus': 1 is less than vcpus, 2", m.text()), "bad maxvcpus")
    check(re.search(r"far\.cfg:\d+: key 'cpus': vCPU 0 has no CPU of this machine", m.text()), "bad cpus")
    check("far" not in m.command("list"), "one that cannot run where it wants is not there")
    sched_commands(m)
    pin_commands(m)
    set_commands(m)
    # Paused, let go and ended in the middle of plugging.
    wait_log(m, r"storm\| plinth-plug round 1 ")
    exits_and_top(m)
    for i in range(12):
        m.command("pause storm")
        before = used(m)
        time.sleep(0.3)
        check(used(m) == before, "a paused guest's vCPUs change: %s" % before)
        m.command("unpause storm")
        time.sleep(0.1 + 0.07 * i)
    rounds = r"storm\| plinth-plug round"
    wait_log(m, rounds, count=len(re.findall(rounds, m.text())) + 2)
    for i in range(2, 8):
        m.command("destroy storm")
        check("storm" not in m.command("list"), "destroyed means gone")
        m.command("create storm")
        wait_log(m, r"storm\| plinth-plug round 1 ", count=i)
        time.sleep(0.1 * i)
    m.command("pause storm")
    m.command("destroy storm")
    check(not re.search(r"plinth-plug failed", m.text()), "a CPU could not be plugged")
    m.send("host-poweroff\r")


# ---- a soak -----------------------------------------------------------------------------------

SOAK_SECONDS = 60
SOAKED = {"soak0": 4, "soak1": 2, "soak2": 3}  # guests that plug their vCPUs all the time


def soak_step(m, rng, cpus):
    """One random event of scheduling."""
    name = rng.choice(list(SOAKED))
    what = rng.randrange(6)
    if what == 0:
        some = rng.sample(range(cpus), rng.randint(1, cpus))
        m.command("vcpu-pin %s %s %s" % (name, rng.choice(["all", str(rng.randrange(SOAKED[name]))]),
                                         ",".join(map(str, some))))
    elif what == 1:
        m.command("sched-credit -d %s -w %d" % (name, rng.choice([1, 16, 256, 4096, 65535])))
    elif what == 2:
        m.command("sched-credit -d %s -c %d" % (name, rng.choice([0, 0, 20, 75, 150])))
    elif what == 3:
        m.command("pause " + name)
        time.sleep(rng.random() / 5)
        m.command("unpause " + name)
    elif what == 4:
        m.command("vcpu-pin Domain-0 0 " + rng.choice(["all", str(rng.randrange(cpus))]))
    else:
        m.command("vcpu-list")


def soak_script(m):
    """Random events, then everything is let loose: each guest must still get on, with all vCPUs."""
    seed = random.SystemRandom().randrange(1 << 32)
    rng = random.Random(seed)
    m.expect(PROMPT, 60)
    for name in SOAKED:
        wait_log(m, r"%s\| plinth-plug round 1 " % name)
    steps, end = 0, time.monotonic() + SOAK_SECONDS
    try:
        while time.monotonic() < end:
            soak_step(m, rng, 4)
            steps += 1
        for name in SOAKED:
            m.command("unpause " + name)
            m.command("vcpu-pin %s all all" % name)
            m.command("sched-credit -d %s -w 256 -c 0" % name)
        for name in SOAKED:
            rounds = r"%s\| plinth-plug round" % name
            wait_log(m, rounds, count=len(re.findall(rounds, m.text())) + 3)
        check(not re.search(r"plinth-plug failed", m.text()), "a CPU could not be plugged")
    except Failure as e:
        raise Failure("seed %d, step %d: %s" % (seed, steps, e)) from None
    check(steps > SOAK_SECONDS, "only %d steps" % steps)
    m.send("host-poweroff\r")


def vcpu_cases(case):
    """case: cases.Case."""
    many = [debian("big", vcpus=64, memory=384)]
    plugs = [plug("plug", 10, vcpus=4), plug("pairs", 10, vcpus=2, memory=96), debian("beside", vcpus=2)]
    plugged = [r"(plug|pairs)\| plinth-plug failed", r"\| .*(Call Trace|rcu.*stall|soft lockup)"]
    prompt = [debian("watch", "cpus", vcpus=2, maxvcpus=4), plug("storm", 1000000, vcpus=4),
              debian("cfg", "wait", vcpus=2, maxvcpus=3, cpu_weight=512, cap=150, memory=96),
              debian("far", "wait", cpus="7"), debian("bad", vcpus=2, maxvcpus=1)]
    prompt[2].more = 'cpus = ["0", "1"]\n'
    return [
        case("vcpus-64", many, cpus=4, timeout=400,
             must=[r"big\| plinth-guest .*cpus=64 ", r"big\| plinth-work done",
                   r"big \(domain \d+\) powered off"], must_not=plugged[1:]),
        case("vcpus-plug", plugs, cpus=2, timeout=300,
             must=[r"plug\| plinth-plug done", r"pairs\| plinth-plug done",
                   r"beside\| plinth-work done"], must_not=plugged),
        case("vcpus-soak", [plug(name, 1000000, vcpus=n, memory=96) for name, n in SOAKED.items()],
             opts="", cpus=4, timeout=300, script=soak_script, must_not=plugged[1:]),
        case("vcpus-prompt", prompt, opts="", cpus=2, timeout=700, script=prompt_script),
    ]
