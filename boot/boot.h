/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_BOOT_BOOT_H
#define KTSTR_BOOT_BOOT_H
/*
 * Values in, bytes in guest memory out: kernel images, command line, the
 * tables that describe the machine, and the order they are written in.
 *
 *   gpa          what (x86-64)
 *   0x500        GDT
 *   0x7000       boot_params (zero page), RSI at entry
 *   0x8ff0       stack
 *   0x9000..     page tables: identity map of the first 4 GiB, 2 MiB pages
 *   0x20000      command line
 *   0x9fc00      EBDA: MP floating pointer and table
 *   0xe0000      ACPI tables, RSDP first (to 0xfffff)
 *   0x1000000    the kernel, where it wants to be (or above 1 MiB)
 *   low top      initramfs, below 3 GiB, 2 MiB aligned
 *
 * Boot protocol: Documentation/arch/x86/boot.rst (2.12 and later), 64-bit
 * entry. Thread: any (boot_image_* and boot_load may run in a job).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct boot_machine;
struct err;
struct mm;

enum boot_gpa {
	BOOT_GPA_GDT = 0x500,
	BOOT_GPA_PARAMS = 0x7000,
	BOOT_GPA_STACK = 0x8ff0,
	BOOT_GPA_PAGE_TABLES = 0x9000,
	BOOT_GPA_CMDLINE = 0x20000,
	BOOT_GPA_EBDA = 0x9fc00,
	BOOT_GPA_VGA = 0xa0000,		/* the EBDA ends here */
	BOOT_GPA_ACPI = 0xe0000,
	BOOT_GPA_HIGH = 0x100000,	/* no kernel and no initramfs below */
};

/* Selectors of the GDT, as boot.rst wants them: 64-bit code, flat data, TSS. */
enum boot_selector {
	BOOT_CS = 0x10,
	BOOT_DS = 0x18,
	BOOT_TSS = 0x20,
	BOOT_GDT_BYTES = 0x30,
};

enum boot_format {
	BOOT_BZIMAGE,
	BOOT_VMLINUX,
	BOOT_FORMAT_COUNT,
};

const char *boot_format_name(enum boot_format f);

/* Bytes of the file and where they go. Behind them guest memory stays zero. */
struct boot_segment {
	uint64_t offset, bytes;
	uint64_t gpa;
};

#define BOOT_SEGMENTS_MAX 16

/* A kernel file, looked at but not yet loaded. Keeps the file open. */
struct boot_image {
	int fd;
	enum boot_format format;
	char *path;
	uint64_t file_bytes;
	char release[65];	/* "6.12.117", "" when the file does not tell */
	uint64_t load_gpa;	/* first byte of the kernel in the guest, 1 MiB or above */
	uint64_t memory_bytes;	/* what it needs from load_gpa on (init_size, or bss end) */
	uint64_t entry_gpa;	/* 64-bit entry point */
	uint64_t initrd_max;	/* highest address of the initramfs' last byte */
	unsigned cmdline_max;	/* bytes without the NUL */
	struct boot_segment segment[BOOT_SEGMENTS_MAX];	/* in [load_gpa, + memory_bytes) */
	unsigned segments;
	uint8_t setup_header[128];	/* bzImage: from offset 0x1f1 on; ELF: made up */
	unsigned setup_header_len;
};

/*
 * Look at a kernel file. Every error names the file and the reason: not
 * readable (with the commands that fix a /boot/vmlinuz of mode 0600), empty,
 * truncated, not a kernel, 32-bit only, another architecture, too old: these
 * are -ENOEXEC. An ELF file counts as a kernel when the segment of its entry
 * is mapped high (p_vaddr in the upper half, as vmlinux) or lies at 16 MiB or
 * above, and nothing in it needs a loader or a libc (PT_INTERP, PT_DYNAMIC,
 * PT_TLS).
 */
int boot_image_open(const char *path, struct boot_image *ret, struct err *e);
void boot_image_close(struct boot_image *img);

/* Command line: pieces joined by one space, bounded. */
struct cmdline {
	char text[4096];
	size_t len;
	bool overflow;
};

/* Where text has the option "name=value" or "name"; NULL: nowhere. */
const char *cmdline_find(const char *text, const char *name);

void cmdline_init(struct cmdline *c);
__attribute__((format(printf, 2, 3)))
void cmdline_add(struct cmdline *c, const char *fmt, ...);
/* Is word one of the words, written alone? */
bool cmdline_has(const struct cmdline *c, const char *word);
/* -E2BIG with both numbers when it is longer than max or than the buffer. */
int cmdline_check(const struct cmdline *c, unsigned max, struct err *e);

/*
 * The options that ktstr gives its guests. Each one is a row of a table with
 * what it saves and what it takes away (doc/boot-options.md shows it);
 * fast = false leaves the risky ones out.
 */
enum boot_when {
	BOOT_WHEN_ALWAYS,
	BOOT_WHEN_QUIET,	/* not when verbose */
	BOOT_WHEN_VERBOSE,
	BOOT_WHEN_FAST,		/* risky: changes what the guest can do */
	BOOT_WHEN_CROWDED,	/* more vCPUs than the host has CPUs for them */
	BOOT_WHEN_LATE,		/* so many more that PID 1 brings them up */
	BOOT_WHEN_COUNT,
};

struct boot_option {
	const char *text;	/* as on the command line */
	enum boot_when when;
	const char *why;
	const char *cost;	/* what it takes away, "" for nothing */
};
const struct boot_option *boot_options(size_t *ret_count);

/* Which of them apply. */
struct boot_choice {
	bool fast, verbose, crowded, late;
};
void boot_cmdline_defaults(struct cmdline *c, struct boot_choice choice);

struct boot_request {
	const struct boot_image *image;
	const struct cmdline *cmdline;
	const struct boot_machine *machine;	/* tables.h; its memory is mm_layout(m) */
	const uint8_t *initrd;		/* two parts, one behind the other */
	size_t initrd_bytes;
	int initrd_fd;			/* a file that begins with the first part; -1: none */
	struct err *initrd_copied;	/* out: why it was copied, not mapped; or NULL */
	const uint8_t *initrd_tail;	/* may be NULL */
	size_t initrd_tail_bytes;
};

/* Where the boot CPU starts (see vcpu.h, struct vcpu_entry). */
struct boot_entry {
	uint64_t rip, rsi, rsp, cr3, gdt;
	uint16_t gdt_limit;
};

/*
 * Write everything into guest memory, which must be fresh (zero). -E2BIG with
 * the numbers when the kernel or the initramfs does not fit.
 */
int boot_load(const struct boot_request *q, struct mm *m, struct boot_entry *ret, struct err *e);

/*
 * Guest RAM in bytes that this kernel and payload need at least: kernel,
 * initramfs packed and unpacked, page structures, and a floor to work in.
 * Rounded up to 2 MiB.
 */
uint64_t boot_memory_needed(const struct boot_image *img, uint64_t initrd_bytes,
			    uint64_t unpacked_bytes, unsigned cpus);

#endif
