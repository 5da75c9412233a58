/* Sees to it that the cloud does close. A machine whose QEMU answers nobody, since it was stopped
 * or is stuck in the host's input and output, holds up whoever asks it something for as long as it
 * lives: the sampler of metrics, a controller, the end itself. Thread-safe. */
#pragma once

#include "cloud/cloud.h"

typedef struct LastResort LastResort;

/* From now on the cloud has LAST_RESORT_AFTER to close. Then its machines are cut off without being
 * asked; with keep_guests, where that may not be, the process ends as if it were killed, which
 * loses nothing. */
#define LAST_RESORT_AFTER (25 * G_USEC_PER_SEC)
LastResort *last_resort_begin(Cloud *cloud, bool keep_guests);
/* When nobody asks machines any more and the hypervisor is still open. NULL is fine. */
void last_resort_end(LastResort *resort);
