/* SPDX-License-Identifier: GPL-2.0-only */
/* Dispatch queues and their tasks in a kernel that was built in memory, hostile ones too. */
#include <bpf/btf.h>
#include <errno.h>
#include <string.h>

#include "monitor/dsqs.h"
#include "monitor/tasks.h"
#include "test/guest-kernel.h"

/* Places in the guest, by the direct map. */
#define TABLE(i) (0x2200000 + (i) * 0x10000)
#define QUEUE(i) (0x2300000 + (i) * 0x100)
#define ARRAY 0x2400000
#define ROOT 0x2410000
#define PNODE(i) (0x2420000 + (i) * 0x100)
#define TASK(i) (0x2500000 + (i) * 0x100)

/* Offsets in the structs that types() describes. */
enum {
	Q_LIST = 8, Q_NR = 24, Q_ID = 32, Q_HASH = 40,
	T_SIZE = 0, T_NEST = 4, T_FUTURE = 8, T_BUCKETS = 16,
	TASK_PID = 0, TASK_NODE = 8, TASK_FLAGS = 24,
	ROOT_HASH = 16, ROOT_GLOBAL = 32,
	PNODE_GLOBAL = 8,
};

/* 6.12, 6.16, 7.1 */
enum kernel { BY_SYMBOLS, BY_ROOT, BY_PNODE };

static void add_task(struct btf *b, int u32, int list, int queue)
{
	int node, scx;

	scx = btf__add_struct(b, "scx_rq", 48);
	btf__add_field(b, "local_dsq", queue, 0, 0);
	btf__add_struct(b, "rq", 48);
	btf__add_field(b, "scx", scx, 0, 0);
	node = btf__add_struct(b, "scx_dsq_list_node", 24);
	btf__add_field(b, "node", list, 0, 0);
	btf__add_field(b, "flags", u32, 128, 0);
	scx = btf__add_struct(b, "sched_ext_entity", 24);
	btf__add_field(b, "dsq_list", node, 0, 0);
	btf__add_struct(b, "task_struct", 32);
	btf__add_field(b, "pid", u32, TASK_PID * 8, 0);
	btf__add_field(b, "scx", scx, TASK_NODE * 8, 0);
}

static struct btf *types(enum kernel kernel)
{
	struct btf *b = btf__new_empty();
	int u32 = btf__add_int(b, "unsigned int", 4, 0), u64 = btf__add_int(b, "u64", 8, 0);
	int p = btf__add_ptr(b, 0), list, head, queue, hash, buckets;

	buckets = btf__add_array(b, u32, p, 0);
	list = btf__add_struct(b, "list_head", 16);
	btf__add_field(b, "next", p, 0, 0);
	btf__add_field(b, "prev", p, 64, 0);
	head = btf__add_struct(b, "rhash_head", 8);
	btf__add_field(b, "next", p, 0, 0);
	queue = btf__add_struct(b, "scx_dispatch_q", 48);
	btf__add_field(b, "list", list, Q_LIST * 8, 0);
	btf__add_field(b, "nr", u32, Q_NR * 8, 0);
	btf__add_field(b, "id", u64, Q_ID * 8, 0);
	btf__add_field(b, "hash_node", head, Q_HASH * 8, 0);
	hash = btf__add_struct(b, "rhashtable", 8);
	btf__add_field(b, "tbl", p, 0, 0);
	btf__add_struct(b, "bucket_table", 16);
	btf__add_field(b, "size", u32, T_SIZE * 8, 0);
	btf__add_field(b, "nest", u32, T_NEST * 8, 0);
	btf__add_field(b, "future_tbl", p, T_FUTURE * 8, 0);
	btf__add_field(b, "buckets", buckets, T_BUCKETS * 8, 0);
	add_task(b, u32, list, queue);
	if (kernel == BY_SYMBOLS)
		return b;
	btf__add_struct(b, "scx_sched", 40);
	btf__add_field(b, "dsq_hash", hash, ROOT_HASH * 8, 0);
	btf__add_field(b, kernel == BY_PNODE ? "pnode" : "global_dsqs", p, ROOT_GLOBAL * 8, 0);
	if (kernel == BY_PNODE) {
		btf__add_struct(b, "scx_sched_pnode", 64);
		btf__add_field(b, "global_dsq", queue, PNODE_GLOBAL * 8, 0);
	}
	return b;
}

struct fixture {
	struct guest_kernel g;
	struct btf *btf;
	struct dsqs *d;
	struct tasks *t;
	struct err why;
	/* what the walk told */
	unsigned count, tasks;
	uint64_t ids, nodes;		/* added up */
	struct dsq last;
	int32_t pid;
};

static uint64_t kva(const struct fixture *f, uint64_t gpa)
{
	return f->g.direct_kva + gpa;
}

static void put32(struct fixture *f, uint64_t gpa, uint32_t v)
{
	mm_write(f->g.mm, gpa, &v, sizeof(v));
}

/* A queue with no task; behind it in its chain another one, or the chain's odd end. */
static void put_queue(struct fixture *f, unsigned i, uint64_t id, unsigned next)
{
	put32(f, QUEUE(i) + Q_NR, i);
	guest_put(&f->g, QUEUE(i) + Q_ID, id);
	guest_put(&f->g, QUEUE(i) + Q_HASH, next ? kva(f, QUEUE(next) + Q_HASH) : 0x1235);
	guest_put(&f->g, QUEUE(i) + Q_LIST, kva(f, QUEUE(i) + Q_LIST));
	guest_put(&f->g, QUEUE(i) + Q_LIST + 8, kva(f, QUEUE(i) + Q_LIST));
}

static void put_bucket(struct fixture *f, unsigned table, unsigned bucket, unsigned queue,
		       unsigned lock)
{
	guest_put(&f->g, TABLE(table) + T_BUCKETS + bucket * 8,
		  kva(f, QUEUE(queue) + Q_HASH) | lock);
}

static void put_table(struct fixture *f, unsigned i, unsigned size, unsigned next)
{
	put32(f, TABLE(i) + T_SIZE, size);
	put32(f, TABLE(i) + T_NEST, 0);
	guest_put(&f->g, TABLE(i) + T_FUTURE, next ? kva(f, TABLE(next)) : 0);
}

/* Two queues in a chain whose bucket is locked, one in the last bucket. */
static void put_hash(struct fixture *f, enum kernel kernel)
{
	put_table(f, 0, 512, 0);
	put_queue(f, 1, 0x10, 2);
	put_queue(f, 2, 0x200, 0);
	put_queue(f, 3, 0x3000, 0);
	put_bucket(f, 0, 7, 1, 1);
	put_bucket(f, 0, 511, 3, 0);
	if (kernel == BY_SYMBOLS)
		guest_put(&f->g, f->g.text_gpa + VMLINUX_AT_DSQ_HASH, kva(f, TABLE(0)));
	else
		guest_put(&f->g, ROOT + ROOT_HASH, kva(f, TABLE(0)));
}

/* Of nodes 0 and 2; number 1 is none. */
static void put_global(struct fixture *f, enum kernel kernel)
{
	const uint64_t at[] = { QUEUE(4), QUEUE(5) };

	put32(f, f->g.text_gpa + VMLINUX_AT_NR_NODES, 3);
	guest_put(&f->g, kernel == BY_SYMBOLS ? f->g.text_gpa + VMLINUX_AT_GLOBAL_DSQS :
						ROOT + ROOT_GLOBAL, kva(f, ARRAY));
	for (unsigned i = 0; i < 2; i++) {
		const uint64_t q = kernel == BY_PNODE ? PNODE(i) + PNODE_GLOBAL : at[i];

		guest_put(&f->g, ARRAY + i * 16, kva(f, kernel == BY_PNODE ? PNODE(i) : q));
		guest_put(&f->g, q + Q_ID, UINT64_C(0x8000000000000001));
	}
}

static bool fixture_open(struct fixture *f, enum kernel kernel)
{
	*f = (struct fixture){ .g = GUEST_KERNEL_INIT, .btf = types(kernel), .why = ERR_INIT };
	f->g.make.btf = f->btf;
	if (!guest_kernel_open(&f->g) ||
	    !tap_ok(guest_kernel_attach(&f->g, GUEST_KERNEL_CR3, true) == 0 &&
		    tasks_create(f->g.index, &f->t, &f->g.err) == 0 &&
		    dsqs_create(f->g.index, &f->d, &f->g.err) == 0, "%s", err_text(&f->g.err)))
		return false;
	if (kernel != BY_SYMBOLS)
		guest_put(&f->g, f->g.text_gpa + VMLINUX_AT_SCX_ROOT, kva(f, ROOT));
	put_hash(f, kernel);
	put_global(f, kernel);
	return true;
}

static void fixture_close(struct fixture *f)
{
	dsqs_destroy(f->d);
	tasks_destroy(f->t);
	guest_kernel_close(&f->g);
	btf__free(f->btf);
}

static void on_dsq(const struct dsq *q, void *arg)
{
	struct fixture *f = arg;

	f->count++;
	f->ids += q->id;
	f->nodes += q->node;
	f->last = *q;
}

static int walk(struct fixture *f, enum dsqs_kind kind)
{
	f->count = 0;
	f->ids = f->nodes = 0;
	err_clear(&f->why);
	return dsqs_walk(f->d, f->g.monitor, kind, on_dsq, f, &f->why);
}

static void queues_are_found_in_each_kernels_place(void)
{
	for (int k = BY_SYMBOLS; k <= BY_PNODE; k++) {
		struct fixture f;

		if (fixture_open(&f, (enum kernel)k)) {
			tap_eq(walk(&f, DSQS_USER), 0);
			tap_eq(f.count, 3);
			tap_eq(f.ids, 0x3210);
			tap_ok(f.last.has_nr && f.last.nr == 3, "nr");
			tap_eq(walk(&f, DSQS_GLOBAL), 0);
			tap_eq(f.count, 2);
			tap_eq(f.nodes, 2);
			tap_eq(f.last.id, UINT64_C(0x8000000000000001));
		}
		fixture_close(&f);
	}
}

static void without_a_scheduler_there_are_none(void)
{
	struct fixture f;

	if (fixture_open(&f, BY_ROOT)) {
		guest_put(&f.g, f.g.text_gpa + VMLINUX_AT_SCX_ROOT, 0);
		tap_eq(walk(&f, DSQS_USER), -EAGAIN);
		tap_eq(walk(&f, DSQS_GLOBAL), -EAGAIN);
		tap_str(err_text(&f.why), "no scheduler is attached");
	}
	fixture_close(&f);
	if (fixture_open(&f, BY_SYMBOLS)) {
		guest_put(&f.g, f.g.text_gpa + VMLINUX_AT_GLOBAL_DSQS, 0);
		tap_eq(walk(&f, DSQS_GLOBAL), -EAGAIN);
		guest_put(&f.g, f.g.text_gpa + VMLINUX_AT_DSQ_HASH, 0);
		tap_eq(walk(&f, DSQS_USER), 0);
		tap_eq(f.count, 0);
	}
	fixture_close(&f);
}

static void a_table_that_is_being_replaced_is_walked_with_its_successor(void)
{
	struct fixture f;

	if (fixture_open(&f, BY_SYMBOLS)) {
		put_table(&f, 0, 512, 1);
		put_table(&f, 1, 64, 0);
		put_queue(&f, 6, 0x40000, 0);
		put_bucket(&f, 1, 0, 6, 0);
		tap_eq(walk(&f, DSQS_USER), 0);
		tap_eq(f.ids, 0x43210);
		put_table(&f, 1, 64, 0 + 1);	/* its own successor */
		tap_eq(walk(&f, DSQS_USER), -EPROTO);
	}
	fixture_close(&f);
}

static void a_circle_ends_and_so_does_a_wild_pointer(void)
{
	struct fixture f;

	if (fixture_open(&f, BY_SYMBOLS)) {
		put_queue(&f, 2, 0x200, 1);
		tap_eq(walk(&f, DSQS_USER), -EPROTO);
		tap_ok(f.count >= 2 && f.count < 8, "%u were told", f.count);
		tap_str(err_text(&f.why), "the table of queues contradicts itself");
		guest_put(&f.g, QUEUE(2) + Q_HASH, UINT64_C(0xdead000000000100));
		tap_eq(walk(&f, DSQS_USER), -EFAULT);
		tap_eq(f.count, 2);
		put32(&f, f.g.text_gpa + VMLINUX_AT_NR_NODES, 1u << 20);
		tap_eq(walk(&f, DSQS_GLOBAL), -EPROTO);
	}
	fixture_close(&f);
}

static void sizes_that_no_table_has_are_not_believed(void)
{
	struct fixture f;

	if (fixture_open(&f, BY_SYMBOLS)) {
		put32(&f, TABLE(0) + T_SIZE, DSQS_BUCKETS_MAX + 1);
		tap_eq(walk(&f, DSQS_USER), -EPROTO);
		put32(&f, TABLE(0) + T_SIZE, 0);
		tap_eq(walk(&f, DSQS_USER), -EPROTO);
		put_table(&f, 0, 512, 0);
		put32(&f, TABLE(0) + T_NEST, 4);
		tap_eq(walk(&f, DSQS_USER), -EPROTO);
		tap_eq(f.count, 0);
	}
	fixture_close(&f);
}

static void more_queues_than_a_dump_has_room_for_are_cut(void)
{
	struct fixture f;

	if (fixture_open(&f, BY_SYMBOLS)) {
		/* each of many buckets leads to the same one */
		put_table(&f, 0, DSQS_MAX + 1, 0);
		for (unsigned i = 0; i <= DSQS_MAX; i++)
			put_bucket(&f, 0, i, 3, 0);
		tap_eq(walk(&f, DSQS_USER), -E2BIG);
		tap_eq(f.count, DSQS_MAX);
	}
	fixture_close(&f);
}

static void on_task(const struct task_waits *t, void *arg)
{
	struct fixture *f = arg;

	f->tasks++;
	f->pid = t->pid;
}

static void the_tasks_of_a_queue_are_told(void)
{
	struct fixture f;

	if (fixture_open(&f, BY_SYMBOLS)) {
		const uint64_t head = kva(&f, QUEUE(1) + Q_LIST);
		const uint64_t node = kva(&f, TASK(0) + TASK_NODE);

		guest_put(&f.g, QUEUE(1) + Q_LIST, node);
		guest_put(&f.g, QUEUE(1) + Q_LIST + 8, node);
		guest_put(&f.g, TASK(0) + TASK_NODE, head);
		guest_put(&f.g, TASK(0) + TASK_NODE + 8, head);
		put32(&f, TASK(0) + TASK_PID, 4711);
		tap_eq(tasks_walk_dsq(f.t, f.g.monitor, kva(&f, QUEUE(1)), on_task, &f, &f.why), 0);
		tap_eq(f.tasks, 1);
		tap_eq(f.pid, 4711);
		tap_eq(tasks_walk_dsq(f.t, f.g.monitor, 0x1000, on_task, &f, &f.why), -EFAULT);
	}
	fixture_close(&f);
}

int main(void)
{
	TAP_RUN(queues_are_found_in_each_kernels_place);
	TAP_RUN(without_a_scheduler_there_are_none);
	TAP_RUN(a_table_that_is_being_replaced_is_walked_with_its_successor);
	TAP_RUN(a_circle_ends_and_so_does_a_wild_pointer);
	TAP_RUN(sizes_that_no_table_has_are_not_believed);
	TAP_RUN(more_queues_than_a_dump_has_room_for_are_cut);
	TAP_RUN(the_tasks_of_a_queue_are_told);
	return tap_done();
}
