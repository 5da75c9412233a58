/* Moments at which tests kill the process, to see what the next one makes of what is left.
 *
 * CUMULET_FAULTPOINT=blob-sync:3 in the environment of a process kills it (SIGKILL) when it comes
 * to a point whose name begins with "blob-sync" for the third time. With "serve:1,blob-sync:3" it
 * begins to count those only after it came to "serve" once; "serve:1,:3" then counts all points.
 * Without it a point costs a comparison. Thread-safe. */
#pragma once

/* Just before what it is called for is done. */
void faultpoint(const char *name);
/* The same as that environment, for a process that a test forked: "blob-sync:3". While nobody else
 * comes to a point. */
void faultpoint_arm(const char *plan);
