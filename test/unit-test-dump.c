/* SPDX-License-Identifier: GPL-2.0-only */
/* A test asks for a snapshot: what the host hears, and whom its answer reaches. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/util.h"
#include "init/host.h"
#include "init/supervise.h"
#include "ktstr/test.h"
#include "shmring/shmring.h"
#include "test/tap.h"

/* Answers as the case wants it: each request at once, or the first one with the second. */
static struct fake_host {
	struct init_host host;
	unsigned asks, answers;
	bool late;
	char why[300];
	char results[128];		/* "name verdict; " */
} fake;

static void answer(int code)
{
	const struct wire_exit x = { .code = code };
	const struct frame f = { .type = WIRE_DUMPED, .length = sizeof(x),
				 .payload = (const uint8_t *)&x };

	fake.answers++;
	fake.host.on_frame(&f, fake.host.frame_arg);
}

static void on_ask(const void *payload, size_t len)
{
	fake.asks++;
	snprintf(fake.why, sizeof(fake.why), "%.*s", (int)len, (const char *)payload);
	if (fake.late && fake.asks == 1)
		return;
	if (fake.late)
		answer(-ENOENT);
	answer(-(int)fake.asks);
}

static void fake_send(struct init_host *h, enum wire_type type, const void *payload, size_t len,
		      const void *payload2, size_t len2)
{
	const size_t n = strlen(fake.results);
	struct wire_result r;

	(void)h;
	(void)payload2;
	(void)len2;
	if (type == WIRE_DUMP_ASK)
		on_ask(payload, len);
	if (type != WIRE_RESULT || len < sizeof(r))
		return;
	memcpy(&r, payload, sizeof(r));
	snprintf(fake.results + n, sizeof(fake.results) - n, "%s %s; ", r.name,
		 wire_verdict_name(r.verdict));
}

static void fake_output(struct init_host *h, const void *bytes, size_t n)
{
	(void)h;
	(void)bytes;
	(void)n;
}

static void fake_want(struct init_host *h, struct pollfd *ret)
{
	(void)h;
	*ret = (struct pollfd){ .fd = -1 };
}

static void fake_ready(struct init_host *h, short revents)
{
	(void)h;
	(void)revents;
}

static void fake_nothing(struct init_host *h)
{
	(void)h;
}

static void supervise(const struct ktstr_test *const *tests, size_t n, bool late)
{
	static const struct init_machine machine = { .cpus = 2 };
	const struct init_plan plan = {
		.tests = tests, .count = n, .machine = &machine, .stop_grace_ms = 300,
		.kmsg_fd = -1,
	};
	struct err e = ERR_INIT;

	fake = (struct fake_host){
		.host = {
			.send = fake_send, .output = fake_output, .want = fake_want,
			.ready = fake_ready, .settle = fake_nothing, .forked = fake_nothing,
		},
		.late = late,
	};
	tap_ok(init_supervise(&plan, &fake.host, &e) >= 0, "%s", err_text(&e));
}

/* --- tests that are supervised -------------------------------------------- */

KTSTR_TEST(asks_twice)
{
	int first = ktstr_dump(t, "before"), second = ktstr_dump(t, "behind");

	ktstr_check(t, first == -1 && second == -2, "%d, %d", first, second);
}

KTSTR_TEST(asks_and_is_killed, .timeout_ms = 100)
{
	ktstr_dump(t, NULL);
}

KTSTR_TEST(asks_next)
{
	int r = ktstr_dump(t, "mine");

	ktstr_check(t, r == -2, "%d", r);
}

/* --- what the host sees ------------------------------------------------------ */

static void a_test_waits_for_its_answer(void)
{
	supervise((const struct ktstr_test *const[]){ &ktstr_test_asks_twice }, 1, false);
	tap_str(fake.results, "asks_twice pass; ");
	tap_eq(fake.asks, 2);
	tap_str(fake.why, "behind");
}

static void an_answer_to_one_that_has_ended_is_nobodys(void)
{
	supervise((const struct ktstr_test *const[]){ &ktstr_test_asks_and_is_killed,
						      &ktstr_test_asks_next }, 2, true);
	tap_str(fake.results, "asks_and_is_killed fail; asks_next pass; ");
	tap_eq(fake.answers, 2);
}

int main(void)
{
	TAP_RUN(a_test_waits_for_its_answer);
	TAP_RUN(an_answer_to_one_that_has_ended_is_nobodys);
	return tap_done();
}
