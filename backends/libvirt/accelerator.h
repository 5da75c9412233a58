/* Whether machines run on the processor (KVM) or in QEMU's translator (TCG), and why.
 *
 * The processor's flags decide together with /dev/kvm, never the device alone: there are hosts
 * where it opens, a machine can be made, and the guest then hangs. */
#pragma once

#include <stdbool.h>

/* Pure. cpuinfo is the text of /proc/cpuinfo, of which the first "flags" line counts; kvm_errno is
 * 0 when /dev/kvm opened for reading and writing, else why it did not. True for KVM. The reason is
 * one clause in plain words; free it with g_free. */
bool accelerator_choose(bool force_tcg, const char *cpuinfo, int kvm_errno, char **ret_reason);

/* The same for the computer that this runs on. */
bool accelerator_detect(bool force_tcg, char **ret_reason);
