/* `cumulet hosts`: the names of the moment, for machines without a resolver that can be told.
 *
 * Invariant: of a file only the block between our two marks is changed, whose lines name the
 * cloud; a file with half a block is left alone. */
#include "base/fault.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/names.h"
#include "cli/status.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX (16 * 1024 * 1024)

/* A line's place in a text: from begin to behind its newline. */
typedef struct Line {
    size_t begin, end;
} Line;

static bool find_line(const char *text, const char *wanted, Line *ret_line)
{
    size_t n = strlen(wanted);
    for (const char *at = text; (at = strstr(at, wanted)); at += n) {
        if ((at == text || at[-1] == '\n') && (at[n] == '\n' || at[n] == '\0')) {
            size_t begin = (size_t)(at - text);
            *ret_line = (Line){begin, begin + n + (at[n] == '\n')};
            return true;
        }
    }
    return false;
}

/* text with lines as the cloud's block instead of the one that was there; lines NULL: with none. */
static bool replace_block(const char *text, const char *state_dir, const char *lines,
                          GString *ret_text, GError **error)
{
    g_autofree char *first = g_strdup_printf("# BEGIN cumulet %s", state_dir);
    g_autofree char *last = g_strdup_printf("# END cumulet %s", state_dir);
    Line begin, end;
    bool has_begin = find_line(text, first, &begin), has_end = find_line(text, last, &end);
    if (has_begin != has_end || (has_begin && end.begin < begin.end))
        return trouble_set(error,
                           "of the lines '%s' and '%s' one is missing, or they are in the "
                           "wrong order; put that right by hand",
                           first, last);
    size_t n = strlen(text);
    if (!has_begin)
        begin.begin = end.end = n;
    g_string_append_len(ret_text, text, (gssize)begin.begin);
    if (lines) {
        if (ret_text->len > 0 && ret_text->str[ret_text->len - 1] != '\n')
            g_string_append_c(ret_text, '\n');
        g_string_append_printf(ret_text, "%s\n%s%s\n", first, lines, last);
    }
    g_string_append(ret_text, text + end.end);
    return true;
}

/* /etc/hosts may be a mount of its own, as in containers, where nothing can take its place. */
static bool write_in_place(const char *path, const GString *text, GError **error)
{
    autofd fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (fd < 0)
        return trouble_set_errno(error, errno, "cannot write %s", path);
    return file_write_all(fd, text->str, text->len, error);
}

/* Whole or not at all, with owner and mode of the one before. */
static bool replace_file(const char *path, const struct stat *before, const GString *text,
                         GError **error)
{
    g_autofree char *temporary = g_strdup_printf("%s.cumulet-XXXXXX", path);
    autofd fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return write_in_place(path, text, error);
    if (fchown(fd, before->st_uid, before->st_gid) < 0 || fchmod(fd, before->st_mode & 07777) < 0) {
        unlink(temporary);
        return write_in_place(path, text, error);
    }
    if (!file_write_all(fd, text->str, text->len, error)) {
        unlink(temporary);
        return false;
    }
    if (fsync(fd) == 0 && rename(temporary, path) == 0)
        return true;
    unlink(temporary);
    return write_in_place(path, text, error);
}

static bool change_file(const char *named, const char *state_dir, const char *lines, GError **error)
{
    g_autofree char *before = NULL;
    g_autoptr(GString) after = g_string_new(NULL);
    char *path = realpath(named, NULL); /* what a link points to is changed, not the link */
    struct stat status;
    bool ok = path && stat(path, &status) == 0;
    if (!ok)
        trouble_set_errno(error, errno, "cannot read %s", named);
    ok = ok && file_read(path, FILE_MAX, &before, NULL, error) &&
         replace_block(before, state_dir, lines, after, error);
    bool changed = ok && strcmp(before, after->str) != 0;
    ok = ok && (!changed || replace_file(path, &status, after, error));
    if (ok)
        printf("%s %s\n", named,
               !changed ? "says so already; nothing is changed"
               : lines  ? "has this cloud's names"
                        : "has none of this cloud's names any more");
    free(path);
    return ok;
}

static bool fetch_lines(Call *call, GString *lines, GError **error)
{
    Target target;
    json_t *status;
    if (!target_open(call, &target, error) || !status_fetch(call->arena, &target, &status, error))
        return false;
    names_append_hosts(status, lines);
    json_decref(status);
    return true;
}

static bool hosts_run(Call *call, GError **error)
{
    char *write_to = NULL, *remove_from = NULL;
    g_autoptr(GString) lines = g_string_new(NULL);
    if (!call_parse(call, (void *const[]){&write_to, &remove_from}, error))
        return false;
    if (write_to && remove_from)
        return usage_set(error, "--write and --remove are one or the other");
    const char *state_dir = target_state(call);
    if (strpbrk(state_dir, "\n\r"))
        return trouble_set(error, "the state directory's name has a line break");
    if (remove_from)
        return change_file(remove_from, state_dir, NULL, error);
    if (!fetch_lines(call, lines, error))
        return false;
    if (write_to)
        return change_file(write_to, state_dir, lines->str, error);
    fputs(lines->str, stdout);
    return true;
}

static const GOptionEntry options[] = {
    {"write", 0, 0, G_OPTION_ARG_FILENAME, NULL,
     "put the lines into FILE, or bring them up to date", "FILE"},
    {"remove", 0, 0, G_OPTION_ARG_FILENAME, NULL, "take them out of FILE again", "FILE"},
    {NULL},
};

const Command hosts_command = {
    .name = "hosts",
    .arguments = "",
    .summary = "the names of instances and load balancers as lines for /etc/hosts",
    .help = "Prints a line for each name that there is now: the endpoint's, load balancers'\n"
            "and instances'.\n"
            "\n"
            "  cumulet hosts\n"
            "  sudo cumulet hosts --write /etc/hosts --state DIR     # again after changes\n"
            "  sudo cumulet hosts --remove /etc/hosts --state DIR\n"
            "\n"
            "In a file the lines stand between two marks; nothing else in it is changed.\n"
            "Buckets have no lines, since a file cannot say \"everything below\": for\n"
            "BUCKET.s3.… use 'cumulet dns', which also follows changes by itself.\n",
    .options = options,
    .run = hosts_run,
};
