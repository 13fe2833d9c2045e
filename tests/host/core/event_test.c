/* SPDX-License-Identifier: BSD-2-Clause */
/* Event channels: allocation, delivery, masking, connections, and both ends' deaths. */
// links: core/event.c core/event_port.c core/event_op.c tests/fake/core_fake.c
// links: core/grant.c core/grant_map.c core/grant_copy.c
// links: core/hypercall_op.c
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#include <core/event_port.h>
#include <call.h>
#include <core_fake.h>
#include <xen/errno.h>

static struct domain *d0, *d1, *d2;

static int set_up(void **state)
{
	(void)state;
	d0 = fake_domain_new(0, 2);
	d1 = fake_domain_new(1, 4);
	d2 = fake_domain_new(2, 40);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_end();
	return 0;
}

/* Does op by d's vCPU 0 with a copy of *arg, which gets the result. */
static s64 op(struct domain *d, u32 cmd, void *arg, size_t n)
{
	s64 r;

	memcpy(fake_buffer, arg, n);
	d->vcpu[0]->regs.gpr[GPR_RDI] = cmd;
	do
		r = fake_call(do_event_channel_op, d->vcpu[0], d->vcpu[0]->regs.gpr[GPR_RDI],
			      fake_gva(0), 0);
	while (r == HYPERCALL_RESTART);
	memcpy(arg, fake_buffer, n);
	return r;
}

static s64 port_op(struct domain *d, u32 cmd, u32 port)
{
	return op(d, cmd, &port, sizeof(port));
}

static u32 ipi(struct domain *d, u32 vcpu)
{
	struct evtchn_bind_ipi a = {.vcpu = vcpu};

	assert_int_equal(op(d, EVTCHNOP_bind_ipi, &a, sizeof(a)), 0);
	return a.port;
}

static u32 unbound(struct domain *d, domid_t dom, domid_t remote)
{
	struct evtchn_alloc_unbound a = {.dom = dom, .remote_dom = remote};

	assert_int_equal(op(d, EVTCHNOP_alloc_unbound, &a, sizeof(a)), 0);
	return a.port;
}

static s64 bind(struct domain *d, domid_t remote, u32 rport, u32 *lport)
{
	struct evtchn_bind_interdomain a = {.remote_dom = remote, .remote_port = rport};
	s64 r = op(d, EVTCHNOP_bind_interdomain, &a, sizeof(a));

	*lport = a.local_port;
	return r;
}

static s64 bind_virq(struct domain *d, u32 virq, u32 vcpu, u32 *port)
{
	struct evtchn_bind_virq a = {.virq = virq, .vcpu = vcpu};
	s64 r = op(d, EVTCHNOP_bind_virq, &a, sizeof(a));

	*port = a.port;
	return r;
}

static struct evtchn_status status(struct domain *d, domid_t dom, u32 port)
{
	struct evtchn_status a = {.dom = dom, .port = port};

	assert_int_equal(op(d, EVTCHNOP_status, &a, sizeof(a)), 0);
	return a;
}

static bool pending(struct domain *d, u32 port)
{
	return event_is_pending(d, port);
}

static void set_mask(struct domain *d, u32 port)
{
	d->shared->evtchn_mask[port / 64] |= bit64(port);
}

static void consume(struct domain *d, u32 port)
{
	d->shared->evtchn_pending[port / 64] &= ~bit64(port);
	for (u32 i = 0; i < d->max_vcpus && i < 32; i++) {
		d->shared->vcpu_info[i].evtchn_pending_sel = 0;
		d->shared->vcpu_info[i].evtchn_upcall_pending = 0;
	}
}

static void lowest_free_port_first(void **state)
{
	(void)state;
	assert_int_equal(ipi(d1, 0), 1);
	assert_int_equal(ipi(d1, 1), 2);
	assert_int_equal(ipi(d1, 2), 3);
	assert_int_equal(port_op(d1, EVTCHNOP_close, 2), 0);
	assert_int_equal(port_op(d1, EVTCHNOP_close, 2), -XEN_EINVAL);
	assert_int_equal(ipi(d1, 3), 2);
	assert_int_equal(ipi(d1, 3), 4);
}

static void all_ports_can_be_had(void **state)
{
	struct evtchn_bind_ipi a = {.vcpu = 0};

	(void)state;
	for (u32 i = 1; i < XEN_EVTCHN_COUNT; i++)
		assert_int_equal(ipi(d1, 0), i);
	assert_int_equal(op(d1, EVTCHNOP_bind_ipi, &a, sizeof(a)), -XEN_ENOSPC);
	assert_int_equal(port_op(d1, EVTCHNOP_close, 4095), 0);
	assert_int_equal(ipi(d1, 0), 4095);
	assert_int_equal(d1->overhead_pages, 1 + 2 + 16);
}

static void no_memory_for_ports(void **state)
{
	struct evtchn_bind_ipi a = {.vcpu = 0};

	(void)state;
	fake_pages_left = 0;
	assert_int_equal(op(d1, EVTCHNOP_bind_ipi, &a, sizeof(a)), -XEN_ENOMEM);
	fake_pages_left = ~0u;
	assert_int_equal(ipi(d1, 0), 1);
}

static void delivery_order(void **state)
{
	u32 port;
	struct vcpu_info *info = &d1->shared->vcpu_info[2];

	(void)state;
	for (u32 i = 0; i < 70; i++)
		port = ipi(d1, 2);
	assert_int_equal(port_op(d1, EVTCHNOP_send, port), 0);
	assert_true(pending(d1, port));
	assert_int_equal(info->evtchn_pending_sel, 1ull << (port / 64));
	assert_int_equal(info->evtchn_upcall_pending, 1);
	assert_int_equal(fake_of(d1)->kicks[2], 1);
	/* Pending already: nothing more. */
	assert_int_equal(port_op(d1, EVTCHNOP_send, port), 0);
	assert_int_equal(fake_of(d1)->kicks[2], 1);
	/* Another word, upcall shown already: the selector only. */
	assert_int_equal(port_op(d1, EVTCHNOP_send, 3), 0);
	assert_int_equal(info->evtchn_pending_sel, 3);
	assert_int_equal(fake_of(d1)->kicks[2], 1);
	consume(d1, port);
	assert_int_equal(port_op(d1, EVTCHNOP_send, port), 0);
	assert_int_equal(fake_of(d1)->kicks[2], 2);
}

static void masked_events_wait(void **state)
{
	u32 port = ipi(d1, 1);

	(void)state;
	set_mask(d1, port);
	assert_int_equal(port_op(d1, EVTCHNOP_send, port), 0);
	assert_true(pending(d1, port));
	assert_int_equal(d1->shared->vcpu_info[1].evtchn_upcall_pending, 0);
	assert_int_equal(fake_of(d1)->kicks[1], 0);
	assert_int_equal(port_op(d1, EVTCHNOP_unmask, port), 0);
	assert_int_equal(d1->shared->evtchn_mask[0], 0);
	assert_int_equal(d1->shared->vcpu_info[1].evtchn_upcall_pending, 1);
	assert_int_equal(fake_of(d1)->kicks[1], 1);
	/* Unmasking what is not masked does nothing. */
	consume(d1, port);
	d1->shared->evtchn_pending[0] |= bit64(port);
	assert_int_equal(port_op(d1, EVTCHNOP_unmask, port), 0);
	assert_int_equal(fake_of(d1)->kicks[1], 1);
}

static void pollers_wake_even_if_masked(void **state)
{
	u32 port = ipi(d1, 0);

	(void)state;
	set_mask(d1, port);
	d1->vcpu[3]->polling = true;
	d1->event.pollers = 1;
	assert_int_equal(port_op(d1, EVTCHNOP_send, port), 0);
	assert_int_equal(fake_of(d1)->wakes[3], 1);
	assert_int_equal(fake_of(d1)->wakes[2], 0);
}

static void per_vcpu_vector(void **state)
{
	u32 port = ipi(d1, 1);

	(void)state;
	d1->vcpu[1]->upcall_vector = 0x40;
	assert_int_equal(port_op(d1, EVTCHNOP_send, port), 0);
	assert_int_equal(fake_of(d1)->irqs[0x40], 1);
	assert_true(fake_of(d1)->kicks[1] > 0);
}

static void interdomain(void **state)
{
	u32 far, near;

	(void)state;
	far = unbound(d1, DOMID_SELF, 0);
	assert_int_equal(status(d1, DOMID_SELF, far).status, EVTCHNSTAT_unbound);
	assert_int_equal(port_op(d1, EVTCHNOP_send, far), 0); /* dropped */
	assert_int_equal(bind(d2, 1, far, &near), -XEN_EINVAL);
	assert_int_equal(bind(d0, 1, far + 1, &near), -XEN_EINVAL);
	assert_int_equal(bind(d0, 9, far, &near), -XEN_ESRCH);
	assert_int_equal(bind(d0, 1, far, &near), 0);
	assert_true(pending(d0, near)); /* the first kick is not lost */
	assert_int_equal(bind(d0, 1, far, &near), -XEN_EINVAL);
	near = 1;
	assert_int_equal(d0->refs, 2);
	assert_int_equal(d1->refs, 2);

	struct evtchn_status s = status(d0, 1, far);
	assert_int_equal(s.status, EVTCHNSTAT_interdomain);
	assert_int_equal(s.u.interdomain.dom, 0);
	assert_int_equal(s.u.interdomain.port, near);

	assert_int_equal(port_op(d0, EVTCHNOP_send, near), 0);
	assert_true(pending(d1, far));
	assert_int_equal(fake_of(d1)->kicks[0], 1);

	/* Closed by one side: unbound for it on the other. */
	assert_int_equal(port_op(d0, EVTCHNOP_close, near), 0);
	assert_false(pending(d0, near));
	s = status(d1, DOMID_SELF, far);
	assert_int_equal(s.status, EVTCHNSTAT_unbound);
	assert_int_equal(s.u.unbound.dom, 0);
	assert_int_equal(d0->refs, 1);
	assert_int_equal(d1->refs, 1);
	assert_int_equal(port_op(d0, EVTCHNOP_send, near), -XEN_EINVAL);
	assert_int_equal(bind(d0, 1, far, &near), 0);
	/* And from the other end, which has the higher or lower address. */
	assert_int_equal(port_op(d1, EVTCHNOP_close, far), 0);
	assert_int_equal(status(d0, DOMID_SELF, near).status, EVTCHNSTAT_unbound);
}

static void loopback(void **state)
{
	u32 far = unbound(d1, DOMID_SELF, DOMID_SELF), near;

	(void)state;
	assert_int_equal(bind(d1, DOMID_SELF, far, &near), 0);
	assert_int_equal(d1->refs, 3);
	assert_int_equal(port_op(d1, EVTCHNOP_send, near), 0);
	assert_true(pending(d1, far));
	assert_int_equal(port_op(d1, EVTCHNOP_close, far), 0);
	assert_int_equal(d1->refs, 1);
	assert_int_equal(status(d1, 1, near).status, EVTCHNSTAT_unbound);
}

static void bind_vcpu(void **state)
{
	u32 far = unbound(d1, DOMID_SELF, 0), near, timer, cross = ipi(d1, 1);
	struct evtchn_bind_vcpu a = {.port = far, .vcpu = 3};

	(void)state;
	assert_int_equal(bind(d0, 1, far, &near), 0);
	assert_int_equal(op(d1, EVTCHNOP_bind_vcpu, &a, sizeof(a)), 0);
	assert_int_equal(port_op(d0, EVTCHNOP_send, near), 0);
	assert_int_equal(fake_of(d1)->kicks[3], 1);
	a.vcpu = 4;
	assert_int_equal(op(d1, EVTCHNOP_bind_vcpu, &a, sizeof(a)), -XEN_ENOENT);
	a = (struct evtchn_bind_vcpu){.port = cross, .vcpu = 0};
	assert_int_equal(op(d1, EVTCHNOP_bind_vcpu, &a, sizeof(a)), -XEN_EINVAL);
	assert_int_equal(bind_virq(d1, VIRQ_TIMER, 1, &timer), 0);
	a = (struct evtchn_bind_vcpu){.port = timer, .vcpu = 0};
	assert_int_equal(op(d1, EVTCHNOP_bind_vcpu, &a, sizeof(a)), -XEN_EINVAL);
	a = (struct evtchn_bind_vcpu){.port = 100, .vcpu = 0};
	assert_int_equal(op(d1, EVTCHNOP_bind_vcpu, &a, sizeof(a)), -XEN_EINVAL);
}

static void virqs(void **state)
{
	u32 port, global;

	(void)state;
	assert_int_equal(bind_virq(d1, VIRQ_TIMER, 3, &port), 0);
	assert_int_equal(bind_virq(d1, VIRQ_TIMER, 3, &global), -XEN_EEXIST);
	assert_int_equal(bind_virq(d1, VIRQ_DEBUG, 3, &global), 0);
	assert_int_equal(bind_virq(d1, VIRQ_TIMER, 4, &global), -XEN_ENOENT);
	assert_int_equal(bind_virq(d1, NR_VIRQS, 0, &global), -XEN_EINVAL);
	assert_int_equal(bind_virq(d1, VIRQ_DOM_EXC, 0, &global), -XEN_EBUSY);
	assert_int_equal(bind_virq(d0, VIRQ_DOM_EXC, 1, &global), -XEN_EINVAL);
	event_raise_global_virq(VIRQ_DOM_EXC); /* nobody listens */
	assert_int_equal(bind_virq(d0, VIRQ_DOM_EXC, 0, &global), 0);
	event_raise_global_virq(VIRQ_DOM_EXC);
	assert_true(pending(d0, global));
	event_raise_virq(d1->vcpu[3], VIRQ_TIMER);
	event_raise_virq(d1->vcpu[2], VIRQ_TIMER);
	assert_true(pending(d1, port));
	assert_int_equal(fake_of(d1)->kicks[3], 1);
	assert_int_equal(fake_of(d1)->kicks[2], 0);
	assert_int_equal(port_op(d1, EVTCHNOP_send, port), -XEN_EINVAL);
	assert_int_equal(port_op(d1, EVTCHNOP_close, port), 0);
	assert_false(pending(d1, port));
	event_raise_virq(d1->vcpu[3], VIRQ_TIMER);
	assert_false(pending(d1, port));
	assert_int_equal(bind_virq(d1, VIRQ_TIMER, 3, &port), 0);
}

static void bad_arguments(void **state)
{
	struct evtchn_alloc_unbound a = {.dom = 2, .remote_dom = 0};
	u32 ops[] = {2, 11, 12, 13, 14, 63, 64 + EVTCHNOP_send, ~0u};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		assert_int_equal(port_op(d1, ops[i], 1), -XEN_ENOSYS);
	for (u32 cmd = EVTCHNOP_close; cmd <= EVTCHNOP_unmask; cmd++) {
		if (cmd != EVTCHNOP_close && cmd != EVTCHNOP_send && cmd != EVTCHNOP_unmask)
			continue;
		assert_int_equal(port_op(d1, cmd, 0), -XEN_EINVAL);
		assert_int_equal(port_op(d1, cmd, 1), -XEN_EINVAL);
		assert_int_equal(port_op(d1, cmd, 4096), -XEN_EINVAL);
		assert_int_equal(port_op(d1, cmd, ~0u), -XEN_EINVAL);
	}
	assert_int_equal(fake_call(do_event_channel_op, d1->vcpu[0], EVTCHNOP_send, 0, 0),
			 -XEN_EFAULT);
	assert_int_equal(fake_call(do_event_channel_op, d1->vcpu[0], EVTCHNOP_reset, ~0ull, 0),
			 -XEN_EFAULT);
	assert_int_equal(op(d1, EVTCHNOP_alloc_unbound, &a, sizeof(a)), -XEN_EPERM);
	assert_int_equal(op(d0, EVTCHNOP_alloc_unbound, &a, sizeof(a)), 0);
	assert_int_equal(status(d2, DOMID_SELF, a.port).u.unbound.dom, 0);
	a.dom = 7;
	assert_int_equal(op(d0, EVTCHNOP_alloc_unbound, &a, sizeof(a)), -XEN_ESRCH);
	d2->scratch = true;
	a.dom = 2;
	assert_int_equal(op(d0, EVTCHNOP_alloc_unbound, &a, sizeof(a)), -XEN_EINVAL);
}

static void reset_closes_all_but_interrupts(void **state)
{
	struct evtchn_reset r = {.dom = DOMID_SELF};
	u32 far = unbound(d1, DOMID_SELF, 0), near, irq;

	(void)state;
	assert_int_equal(bind(d0, 1, far, &near), 0);
	assert_int_equal(event_alloc_irq(d0, 9, &irq), 0);
	assert_int_equal(port_op(d0, EVTCHNOP_close, irq), -XEN_EINVAL);
	for (u32 i = 0; i < 600; i++)
		(void)ipi(d0, 1);
	assert_int_equal(op(d0, EVTCHNOP_reset, &r, sizeof(r)), 0);
	assert_int_equal(status(d0, 0, irq).status, EVTCHNSTAT_pirq);
	assert_int_equal(status(d0, 0, irq).u.pirq, 9);
	assert_int_equal(status(d0, 0, 600).status, EVTCHNSTAT_closed);
	assert_int_equal(status(d1, 1, far).status, EVTCHNSTAT_unbound);
	event_raise_irq(d0, irq);
	assert_true(pending(d0, irq));
	assert_int_equal(ipi(d0, 0), 1);
	event_free_irq(d0, 1); /* not an interrupt's: stays */
	assert_int_equal(status(d0, 0, 1).status, EVTCHNSTAT_ipi);
	event_free_irq(d0, irq);
	assert_int_equal(status(d0, 0, irq).status, EVTCHNSTAT_closed);
	assert_false(pending(d0, irq));
	event_raise_irq(d0, 4095); /* in a part of the table that was never used */
	event_free_irq(d0, 0);
}

static void register_info(void **state)
{
	struct vcpu *v = d1->vcpu[1];
	struct vcpu_info *info = (void *)(fake_ram_at(d1, 5) + 512);
	u32 port = ipi(d1, 1);

	(void)state;
	assert_int_equal(event_register_info(v, gfn(5), 4096 - 56), -XEN_EINVAL);
	assert_int_equal(event_register_info(v, gfn(5), 4), -XEN_EINVAL);
	assert_int_equal(event_register_info(v, gfn(6), 512), -XEN_EINVAL);
	d1->shared->vcpu_info[1].arch[1] = 77;
	assert_int_equal(event_register_info(v, gfn(5), 512), 0);
	assert_int_equal(info->arch[1], 77);
	assert_int_equal(info->evtchn_pending_sel, ~0ull);
	assert_int_equal(info->evtchn_upcall_pending, 1);
	assert_int_not_equal(info->time.tsc_to_system_mul, 0);
	assert_int_equal(fake_of(d1)->kicks[1], 1);
	assert_int_equal(event_register_info(v, gfn(5), 0), -XEN_EBUSY);
	info->evtchn_pending_sel = 0;
	info->evtchn_upcall_pending = 0;
	assert_int_equal(port_op(d1, EVTCHNOP_send, port), 0);
	assert_int_equal(info->evtchn_upcall_pending, 1);
	assert_int_equal(d1->shared->vcpu_info[1].evtchn_upcall_pending, 0);
	/* The page stays as long as the vCPU. */
	assert_int_equal(p2m_release_page(d1, gfn(5)), 0);
	info->evtchn_upcall_pending = 0;
	assert_false(event_upcall_pending(v));
	info->evtchn_upcall_pending = 1;
	assert_true(event_upcall_pending(v));
}

static void vcpus_beyond_the_legacy_ones(void **state)
{
	struct vcpu *v = d2->vcpu[35];
	u32 port = ipi(d2, 35);

	(void)state;
	assert_int_equal(port_op(d2, EVTCHNOP_send, port), 0);
	assert_true(pending(d2, port));
	assert_false(event_upcall_pending(v));
	(void)fake_ram_at(d2, 5);
	assert_int_equal(event_register_info(v, gfn(5), 0), 0);
	assert_true(event_upcall_pending(v));
	assert_int_equal(fake_of(d2)->kicks[35], 1);
}

static void destroy_of_either_end(void **state)
{
	u32 far = unbound(d1, DOMID_SELF, 2), near, a, b;

	(void)state;
	assert_int_equal(bind(d2, 1, far, &near), 0);
	a = unbound(d2, DOMID_SELF, 1);
	assert_int_equal(bind(d1, 2, a, &b), 0);
	fake_domain_destroy(d1);
	assert_int_equal(fake_domains_living, 2);
	assert_int_equal(status(d2, 2, near).status, EVTCHNSTAT_unbound);
	assert_int_equal(status(d2, 2, a).status, EVTCHNSTAT_unbound);
	assert_int_equal(port_op(d2, EVTCHNOP_send, near), 0);
	assert_int_equal(port_op(d2, EVTCHNOP_close, near), 0);
	/* A dying domain binds nothing. */
	assert_int_equal(event_domain_destroy(d2), -XEN_EAGAIN);
	assert_int_equal(event_domain_destroy(d2), 0);
	assert_int_equal(event_alloc_irq(d2, 1, &a), -XEN_ESRCH);
}

/* Both ends connect, send and close at the same time: no deadlock, no lost reference. The
 * operations below are the hypercalls' own, without the one shared argument buffer. */
static void *race(void *arg)
{
	struct domain *d = arg, *other = d == d1 ? d2 : d1;

	for (u32 i = 0; i < 30000; i++) {
		evtchn_port_t port = 0;

		switch (i % 3) {
		case 0:
			spin_lock(&d->event.lock);
			(void)!event_port_alloc(d, EVTCHNSTAT_unbound, 0, other->id, &port);
			spin_unlock(&d->event.lock);
			break;
		case 1:
			(void)!event_port_connect(d, other, i % 7 + 1, &port);
			break;
		default:
			(void)!event_port_close(d, i % 8 + 1);
			break;
		}
	}
	return NULL;
}

static void both_ends_race(void **state)
{
	pthread_t a, b;

	(void)state;
	assert_int_equal(pthread_create(&a, NULL, race, d1), 0);
	assert_int_equal(pthread_create(&b, NULL, race, d2), 0);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	for (u32 p = 1; p < XEN_EVTCHN_COUNT; p++)
		while (event_port_close(d1, p) == -XEN_EAGAIN)
			;
	for (u32 p = 1; p < XEN_EVTCHN_COUNT; p++)
		while (event_port_close(d2, p) == -XEN_EAGAIN)
			;
	assert_int_equal(d1->refs, 1);
	assert_int_equal(d2->refs, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lowest_free_port_first),
		TEST(all_ports_can_be_had),
		TEST(no_memory_for_ports),
		TEST(delivery_order),
		TEST(masked_events_wait),
		TEST(pollers_wake_even_if_masked),
		TEST(per_vcpu_vector),
		TEST(interdomain),
		TEST(loopback),
		TEST(bind_vcpu),
		TEST(virqs),
		TEST(bad_arguments),
		TEST(reset_closes_all_but_interrupts),
		TEST(register_info),
		TEST(vcpus_beyond_the_legacy_ones),
		TEST(destroy_of_either_end),
		TEST(both_ends_race),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
