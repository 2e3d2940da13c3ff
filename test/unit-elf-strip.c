/* SPDX-License-Identifier: GPL-2.0-only */
/* A program without its debug sections runs; one that is in doubt is left alone. */
#include <elf.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/util.h"
#include "boot/elf_strip.h"
#include "base/buf.h"
#include "test/tap.h"
#include "test/tmp.h"

#define CHILD_STATUS 42

/* This program, with a section of debug data that is surely there. */
__asm__(".pushsection .debug_ktstr_test,\"\",@progbits\n.fill 20000, 1, 0x5a\n.popsection\n");

static void read_self(struct buf *b)
{
	struct file_map m = FILE_MAP_INIT;

	*b = (struct buf)BUF_INIT;
	if (file_map("/proc/self/exe", &m, NULL) < 0)
		abort();
	buf_add(b, m.data, m.size);
	file_unmap(&m);
}

/* Sections whose names begin so. */
static unsigned count_sections(const struct buf *b, const char *prefix)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)b->data;
	const Elf64_Shdr *sh = (const Elf64_Shdr *)(b->data + eh->e_shoff);
	const char *names = (const char *)b->data + sh[eh->e_shstrndx].sh_offset;
	unsigned n = 0;

	for (unsigned i = 0; i < eh->e_shnum; i++)
		n += sh[i].sh_type != SHT_NULL &&
		     !strncmp(names + sh[i].sh_name, prefix, strlen(prefix));
	return n;
}

static int run(const struct buf *program)
{
	char dir[TMP_DIR_MAX], path[TMP_DIR_MAX + 8], command[TMP_DIR_MAX + 32];
	int status;

	tmp_make(dir);
	snprintf(path, sizeof(path), "%s/prog", dir);
	snprintf(command, sizeof(command), "%s child", path);
	if (file_write_atomic(path, program->data, program->len, 0755, NULL) < 0)
		abort();
	status = system(command);
	file_remove_tree(dir, NULL);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void a_program_without_debug_sections_runs_and_has_its_symbols(void)
{
	struct buf whole, stripped;

	read_self(&whole);
	tap_ok(count_sections(&whole, ".debug_") > 0, "there is something to leave out");
	if (tap_ok(elf_strip_debug(&whole, &stripped), "stripped")) {
		tap_ok(stripped.len + 20000 <= whole.len, "%zu of %zu", stripped.len, whole.len);
		tap_eq(count_sections(&stripped, ".debug_"), 0);
		tap_eq(count_sections(&stripped, ".symtab"), count_sections(&whole, ".symtab"));
		tap_eq(count_sections(&stripped, ".text"), count_sections(&whole, ".text"));
		tap_eq(run(&stripped), CHILD_STATUS);
	}
	buf_fini(&whole);
	buf_fini(&stripped);
}

static void what_has_nothing_to_leave_out_stays(void)
{
	struct buf whole, once, twice;

	read_self(&whole);
	elf_strip_debug(&whole, &once);
	tap_ok(!elf_strip_debug(&once, &twice) && !twice.len, "a second time is nothing");
	buf_fini(&whole);
	buf_fini(&once);
}

static void what_is_in_doubt_stays(void)
{
	static const size_t cuts[] = { 0, 1, 63, 64, 65, 4096 };
	struct buf whole, out;
	Elf64_Ehdr *eh;

	read_self(&whole);
	eh = (Elf64_Ehdr *)whole.data;
	for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
		struct buf cut = { .data = whole.data, .len = cuts[i] };

		tap_ok(!elf_strip_debug(&cut, &out), "cut to %zu bytes", cuts[i]);
	}
	buf_u8(&whole, 'x');
	tap_ok(!elf_strip_debug(&whole, &out), "data behind the last section");
	whole.len--;
	eh = (Elf64_Ehdr *)whole.data;
	eh->e_shstrndx = eh->e_shnum;
	tap_ok(!elf_strip_debug(&whole, &out), "no table of names");
	buf_fini(&whole);
}

static void a_damaged_file_does_no_harm(void)
{
	struct buf whole, out;
	uint64_t seed = 1;

	read_self(&whole);
	for (unsigned i = 0; i < 300; i++) {
		const Elf64_Ehdr *eh = (const Elf64_Ehdr *)whole.data;
		size_t table = eh->e_shnum * sizeof(Elf64_Shdr), at;
		uint8_t before;

		/* the headers at both ends are what is looked at */
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		at = i % 2 ? (seed >> 33) % 1024 : whole.len - table + (seed >> 33) % table;
		before = whole.data[at];
		whole.data[at] ^= (uint8_t)(1u << (seed >> 60 & 7));
		if (elf_strip_debug(&whole, &out))
			tap_ok(out.len < whole.len, "it is smaller");
		buf_fini(&out);
		whole.data[at] = before;
	}
	tap_ok(elf_strip_debug(&whole, &out), "and whole again it is as before");
	buf_fini(&out);
	buf_fini(&whole);
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return CHILD_STATUS;
	TAP_RUN(a_program_without_debug_sections_runs_and_has_its_symbols);
	TAP_RUN(what_has_nothing_to_leave_out_stays);
	TAP_RUN(what_is_in_doubt_stays);
	TAP_RUN(a_damaged_file_does_no_harm);
	return tap_done();
}
