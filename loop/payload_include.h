/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_LOOP_PAYLOAD_INCLUDE_H
#define KTSTR_LOOP_PAYLOAD_INCLUDE_H
/*
 * What the user brings into the guest: files and folders of --include, a
 * command and its arguments, and for a command the host's busybox.
 *
 *   HOST             /include/NAME, or what is below a folder there
 *   HOST:GUEST       that path; below GUEST/ under its own name
 *
 * Programs bring their libraries, scripts their interpreters ("#!", and what
 * env(1) looks for in INIT_USUAL_PATH). Folders of programs are added to PATH.
 * A folder's symbolic links stay links where they lead to something in it;
 * others are followed to files. ".." in GUEST, reserved names, devices, FIFOs
 * and sockets are refused by name.
 *
 * Thread: the job that makes the plan.
 */
#include "loop/config.h"

struct err;
struct payload_draft;
struct payload_request;

#define PAYLOAD_INCLUDE_DIR "/include"

int payload_add_includes(struct payload_draft *d, const struct payload_request *q,
			 struct err *e);

/* HOST[:GUEST] to both; guest NULL when it is not given. The caller frees both. */
int payload_include_parse(const char *text, char **ret_host, char **ret_guest, struct err *e);

/* A file with all that it needs to run, if it is something that runs. */
int payload_add_runnable(struct payload_draft *d, const char *guest, const char *host,
			 struct err *e);

/*
 * The program that a first line "#!..." names: the interpreter in *ret_path,
 * and in *ret_name what env(1) is to look for, or NULL. False: it is no script.
 * The caller frees both.
 */
bool payload_script_parse(const char *head, size_t n, char **ret_path, char **ret_name);

/* A program in INIT_USUAL_PATH of the host. The caller's; NULL: there is none. */
char *payload_find_program(const char *name);

#endif
