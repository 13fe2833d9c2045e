/* SPDX-License-Identifier: BSD-2-Clause */
/* event_channel_op: every operation with good and bad arguments, and what status tells. */
#include <tests/guest/lib/guest.h>

const char test_title[] = "event channels: arguments and states";

static s64 alloc(u16 dom, u16 remote, u32 *port)
{
	struct evtchn_alloc_unbound a = {.dom = dom, .remote_dom = remote};
	s64 r = event_op(EVTCHNOP_alloc_unbound, &a);

	*port = a.port;
	return r;
}
static s64 bind(u16 rdom, u32 rport, u32 *port)
{
	struct evtchn_bind_interdomain b = {.remote_dom = rdom, .remote_port = rport};
	s64 r = event_op(EVTCHNOP_bind_interdomain, &b);

	*port = b.local_port;
	return r;
}
static s64 bind_vcpu(u32 port, u32 vcpu)
{
	struct evtchn_bind_vcpu b = {port, vcpu};

	return event_op(EVTCHNOP_bind_vcpu, &b);
}
static struct evtchn_status status(u32 port)
{
	struct evtchn_status s = {.dom = DOMID_SELF, .port = port};

	CHECK_EQ(event_op(EVTCHNOP_status, &s), 0, "status");
	return s;
}

static void check_wild_ports(void)
{
	static const u32 wild[] = {0, 3000, 4095, 4096, 65536, 0x7FFFFFFF, 0xFFFFFFFF};
	struct evtchn_status s = {.dom = DOMID_SELF, .port = XEN_EVTCHN_COUNT};
	u32 p;

	for (u32 i = 0; i < ARRAY_SIZE(wild); i++) {
		CHECK_EQ(event_port_op(EVTCHNOP_close, wild[i]), -XEN_EINVAL,
			 "close of a free port");
		CHECK(event_send(wild[i]) < 0, "send on a free port");
		CHECK(bind_vcpu(wild[i], 0) < 0, "bind_vcpu of a free port");
		CHECK_EQ(bind(DOMID_SELF, wild[i], &p), -XEN_EINVAL, "bind to a free port");
		if (wild[i] >= XEN_EVTCHN_COUNT)
			CHECK_EQ(event_port_op(EVTCHNOP_unmask, wild[i]), -XEN_EINVAL, "unmask");
	}
	CHECK_EQ(event_op(EVTCHNOP_status, &s), -XEN_EINVAL, "status of port 4096");
	CHECK_EQ(status(4095).status, EVTCHNSTAT_closed, "free port");
}

static void check_domains(void)
{
	u32 a, b;
	struct evtchn_reset reset = {DOMID_INVALID};
	struct evtchn_status s = {.dom = 0, .port = 1};

	CHECK(alloc(DOMID_INVALID, DOMID_SELF, &a) < 0, "alloc in domain INVALID");
	CHECK(alloc(0, DOMID_SELF, &a) < 0, "alloc in another domain");
	CHECK(bind(DOMID_INVALID, 1, &b) < 0, "bind to domain INVALID");
	CHECK(bind(0, 1, &b) < 0, "bind to a port of the control domain");
	CHECK(bind(4000, 1, &b) < 0, "bind to a domain that is not there");
	CHECK(event_op(EVTCHNOP_status, &s) < 0, "status in another domain");
	CHECK(event_op(EVTCHNOP_reset, &reset) < 0, "reset of domain INVALID");
	/* Unbound for another domain: not for us to bind. */
	CHECK_EQ(alloc(DOMID_SELF, 0, &a), 0, "alloc for the control domain");
	CHECK_EQ(status(a).status, EVTCHNSTAT_unbound, "unbound");
	CHECK_EQ(status(a).u.unbound.dom, 0, "unbound for domain 0");
	CHECK_EQ(bind(DOMID_SELF, a, &b), -XEN_EINVAL, "bind to a port meant for another");
	CHECK_EQ(event_send(a), 0, "send on an unbound port");
	CHECK_EQ(event_port_op(EVTCHNOP_close, a), 0, "close");
	CHECK_EQ(event_port_op(EVTCHNOP_close, a), -XEN_EINVAL, "close twice");
}

static void check_pair(void)
{
	u32 a, b, c;
	u16 self = (u16)cpuid(0x40000004, 0).ecx;

	event_loop_pair(&a, &b);
	CHECK(a != b && a && b, "two ports");
	CHECK_EQ(status(a).status, EVTCHNSTAT_interdomain, "interdomain");
	CHECK_EQ(status(a).u.interdomain.port, b, "peer port");
	CHECK_EQ(status(a).u.interdomain.dom, self, "peer domain");
	CHECK_EQ(status(b).u.interdomain.port, a, "peer's peer");
	CHECK_EQ(status(b).vcpu, 0, "notifies vCPU 0");
	CHECK(event_pending(b), "a new local port starts pending");
	CHECK_EQ(bind(DOMID_SELF, a, &c), -XEN_EINVAL, "bind to a bound port");
	CHECK_EQ(bind_vcpu(a, 1), 0, "bind to vCPU 1");
	CHECK_EQ(status(a).vcpu, 1, "notifies vCPU 1");
	CHECK(bind_vcpu(a, 2) < 0, "bind to a vCPU that is not there");
	CHECK(bind_vcpu(a, ~0u) < 0, "bind to vCPU 2^32 - 1");
	CHECK_EQ(event_port_op(EVTCHNOP_close, b), 0, "close one end");
	CHECK_EQ(status(a).status, EVTCHNSTAT_unbound, "the peer is unbound");
	CHECK_EQ(status(a).u.unbound.dom, self, "for the one that closed");
	CHECK_EQ(bind(DOMID_SELF, a, &c), 0, "bind again");
	CHECK_EQ(c, b, "lowest free port");
	CHECK_EQ(event_port_op(EVTCHNOP_close, a), 0, "close a");
	CHECK_EQ(event_port_op(EVTCHNOP_close, c), 0, "close c");
}

static void check_virq_ipi(void)
{
	u32 timer, debug, ipi, p;

	CHECK_EQ(bind_virq(VIRQ_TIMER, 0, &timer), 0, "VIRQ_TIMER");
	CHECK_EQ(bind_virq(VIRQ_TIMER, 0, &p), -XEN_EEXIST, "VIRQ_TIMER twice");
	CHECK_EQ(bind_virq(VIRQ_TIMER, 1, &p), 0, "VIRQ_TIMER of vCPU 1, which is down");
	CHECK_EQ(status(p).vcpu, 1, "its vCPU");
	CHECK_EQ(event_port_op(EVTCHNOP_close, p), 0, "close it");
	CHECK_EQ(bind_virq(VIRQ_DEBUG, 0, &debug), 0, "VIRQ_DEBUG");
	CHECK(bind_virq(VIRQ_TIMER, 2, &p) < 0, "VIRQ of a vCPU that is not there");
	CHECK(bind_virq(VIRQ_DOM_EXC, 0, &p) < 0, "a global VIRQ");
	CHECK(bind_virq(VIRQ_CONSOLE, 0, &p) < 0, "VIRQ_CONSOLE");
	CHECK_EQ(bind_virq(NR_VIRQS, 0, &p), -XEN_EINVAL, "VIRQ 24");
	CHECK_EQ(bind_virq(~0u, 0, &p), -XEN_EINVAL, "VIRQ 2^32 - 1");
	CHECK_EQ(status(timer).status, EVTCHNSTAT_virq, "status virq");
	CHECK_EQ(status(timer).u.virq, VIRQ_TIMER, "which virq");
	CHECK_EQ(event_send(timer), -XEN_EINVAL, "send on a VIRQ");
	CHECK_EQ(bind_vcpu(timer, 1), -XEN_EINVAL, "bind_vcpu of a per-vCPU VIRQ");
	CHECK_EQ(bind_ipi(1, &ipi), 0, "IPI port");
	CHECK_EQ(status(ipi).status, EVTCHNSTAT_ipi, "status ipi");
	CHECK_EQ(status(ipi).vcpu, 1, "vCPU of the IPI");
	CHECK_EQ(bind_vcpu(ipi, 0), -XEN_EINVAL, "bind_vcpu of an IPI");
	CHECK_EQ(event_send(ipi), 0, "send an IPI");
	CHECK(bind_ipi(2, &p) < 0, "IPI of a vCPU that is not there");
	CHECK(bind_ipi(~0u, &p) < 0, "IPI of vCPU 2^32 - 1");
	CHECK_EQ(event_port_op(EVTCHNOP_close, timer), 0, "close VIRQ");
	CHECK_EQ(bind_virq(VIRQ_TIMER, 0, &timer), 0, "bind it again");
}

static void check_reset(void)
{
	struct evtchn_reset reset = {DOMID_SELF};
	u32 p;

	CHECK_EQ(event_op(EVTCHNOP_reset, &reset), 0, "reset");
	for (p = 1; p < 64; p++)
		CHECK_EQ(status(p).status, EVTCHNSTAT_closed, "closed by reset");
	CHECK_EQ(bind_virq(VIRQ_TIMER, 0, &p), 0, "VIRQ after reset");
	CHECK_EQ(p, 1, "port 0 is never given, 1 is the lowest");
}

void test_main(void)
{
	event_init();
	check_wild_ports();
	check_domains();
	check_pair();
	check_virq_ipi();
	check_reset();
}
// guest: vcpus=2
