/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_CLI_TOPO_H
#define KTSTR_CLI_TOPO_H
/*
 * Shapes of real machines, and the tables of a shape as files.
 *
 * An import makes the nearest uniform description: every LLC gets as many
 * cores as the largest has, every core as many threads. What differs is said
 * by note(), a line each. CPUs are numbered anew.
 */
struct err;
struct topo;

typedef void topo_note_fn(const char *text, void *arg);

/* path: a folder with sys/devices/system, a tarball of one, or an XML file of hwloc. */
int topo_import(const char *path, struct topo *ret, topo_note_fn *note, void *arg, struct err *e);
/* root/sys/devices/system; root "" is this machine. */
int topo_import_sysfs(const char *root, struct topo *ret, topo_note_fn *note, void *arg,
		      struct err *e);

/*
 * Each ACPI table of a guest of this shape in a file of its own: DIR/APIC.dat, ...
 * DIR is made, its parents are not. How many there are, or a negative errno.
 */
int topo_dump_acpi(const struct topo *t, const char *dir, struct err *e);

#endif
