/* The cloud that a command is about: its state directory and what the daemon wrote there for its
 * users. Read once per call; everything lives in the call's arena. */
#pragma once

#include "cli/command.h"

#define LOCAL_ENDPOINT_MAX 2048

typedef struct Target {
    const char *state_dir;   /* absolute */
    const char *credentials; /* path of the file that the next five come from */
    const char *access_key_id;
    const char *secret_access_key;
    const char *region;
    const char *account_id;     /* NULL when the file has none */
    const char *endpoint;       /* of the running daemon, else where the last one was; never NULL */
    const char *https_endpoint; /* NULL: there is none */
    const char *authority;      /* path of the certificate that vouches for https */
    bool ready;                 /* STATE/run/ready stands: the daemon serves, or was killed */
} Target;

/* The state directory's absolute path: option (--state), else variable (CUMULET_STATE), else the
 * default of this user; user_data_dir is what XDG_DATA_HOME says or implies. Empty counts as not
 * given. Pure but for the current directory. */
const char *target_choose_state(Arena *arena, const char *option, const char *variable, bool root,
                                const char *user_data_dir);

/* The state directory of a call, by the environment. */
const char *target_state(const Call *call);

/* Reads what stands in the call's state directory. NO_DAEMON when it is no cloud's. */
bool target_open(const Call *call, Target *ret_target, GError **error);

/* Parses the credentials file's text into target (state_dir and credentials are set already). */
bool target_parse(Arena *arena, const char *text, Target *target, GError **error);

/* What to type to start a daemon here: "./start --detach --state DIR", or, where this program is
 * installed, "systemctl start cumulet" or "cumuletd --state DIR". */
const char *target_start_command(Arena *arena, const char *state_dir);

/* Where the daemon's log is read: a file's path, or, of a service, the command that shows it. */
const char *target_log(Arena *arena, const char *state_dir);

/* Sets the NO_DAEMON error that says what is known about the missing daemon and how to start it.
 * Returns false. */
bool target_set_no_daemon(Arena *arena, const Target *target, GError **error);
