/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_TEST_SCHED_TYPES_BPF_H
#define KTSTR_TEST_SCHED_TYPES_BPF_H
/* The kernel's names of integers, which libbpf's headers want; its own are not at hand. */
typedef unsigned char __u8;
typedef unsigned short __u16, __be16;
typedef unsigned int __u32, __be32, __wsum;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;

#endif
