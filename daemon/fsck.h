/* cumuletd --fsck: checks the objects that a state directory holds, while no daemon serves it. */
#pragma once

#include <stdbool.h>

/* Prints each finding as a line, and at last a line that sums them up, to standard output; why it
 * could not check to standard error. Returns the process's exit status: 0 when all is well, or
 * everything that was not is repaired; 1 otherwise. Run as root it becomes the directory's owner,
 * for good. */
int fsck_run(const char *state_dir, bool repair);
