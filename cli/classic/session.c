/* From a command line to lines of output: the tool is found, its arguments are read, the question
 * is asked, the request is sent (again for each further page), and the reply is printed.
 *
 * Invariant: an answer goes to standard output, anything else to standard error; the exit status is
 * 1 whenever the tool did not do what it was told. */
#include "cli/classic/session.h"
#include "base/fault.h"
#include "cli/classic/arguments.h"
#include "cli/classic/helpers.h"
#include "cli/classic/print.h"
#include "cli/classic/refusal.h"
#include "cli/classic/usage.h"
#include "cli/classic/who.h"
#include "cli/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGES_MAX 10000

/* ---- sending ---- */

static bool send(const Form *form, const Who *who, const char *body, Answer *ret_answer,
                 GError **error)
{
    const Request request = {
        .url = who->url,
        .post = body,
        .content_type = "application/x-www-form-urlencoded; charset=utf-8",
        .access_key_id = who->access_key,
        .secret_access_key = who->secret_key,
        .scope =
            arena_printf(form->arena, "aws:amz:%s:%s", who->region, form->family->signing_name),
        .security_token = who->security_token,
        .authority = who->authority,
        .connect_timeout_ms = form->common.connect_timeout_ms,
        .answer_timeout_ms = form->common.answer_timeout_ms,
        .trace = form->common.debug,
    };
    if (form->common.show_request || form->common.verbose)
        printf("POST %s\n%s\n", who->url, body);
    g_autoptr(GError) why = NULL;
    return request_send(form->arena, &request, ret_answer, &why) ||
           trouble_set(error, "no answer from %s: %s", who->url, why->message);
}

/* ---- printing ---- */

static void print_result(const Form *form, xmlDoc *document)
{
    const Element *result = reply_result(document);
    g_autoptr(GString) out = g_string_new(NULL);
    if (form->tool->print)
        form->tool->print(form, result);
    else
        print_lines(form, result, form->tool->lines, out);
    fputs(out->str, stdout);
}

static void print_answer(const Form *form, const Answer *answer, xmlDoc *document)
{
    const Common *common = &form->common;
    if (common->show_xml && common->headers)
        fputs(answer->headers, stdout);
    if (common->show_xml || common->verbose)
        printf("%s\n", answer->body);
    if (!common->show_xml && !common->quiet)
        print_result(form, document);
}

/* ---- pages ---- */

/* Where the next page begins, and the parameter that says so; NULL: there is none. */
static const char *next_page(const Form *form, xmlDoc *document, const char **ret_name)
{
    static const struct {
        const char *element, *param;
    } names[] = {{"NextToken", "NextToken"}, {"nextToken", "NextToken"}, {"NextMarker", "Marker"}};
    if (form->common.max_records)
        return NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *token = text_at(form->arena, reply_result(document), names[i].element);
        *ret_name = names[i].param;
        if (*token)
            return token;
    }
    return NULL;
}

static bool ask_page(const Form *form, const Who *who, const char **token_name, const char **token,
                     GError **error)
{
    g_auto(Answer) answer = {0};
    xmlDoc *document = NULL;
    const char *body = form_body(form, *token_name, *token);
    if (!send(form, who, body, &answer, error))
        return false;
    if (answer.status != 200)
        return refusal_set(form, &answer, error);
    if (!reply_parse(answer.body, &document, error))
        return false;
    print_answer(form, &answer, document);
    *token = next_page(form, document, token_name);
    xmlFreeDoc(document);
    return true;
}

static bool ask(const Form *form, GError **error)
{
    Who who;
    const char *token_name = NULL, *token = NULL;
    if (!who_find(form, &who, error))
        return false;
    for (unsigned page = 0; page == 0 || (token && page < PAGES_MAX); page++)
        if (!ask_page(form, &who, &token_name, &token, error))
            return false;
    if (form->tool->ok && !form->common.quiet && !form->common.show_xml)
        puts(form->tool->ok);
    return true;
}

/* ---- the tool ---- */

/* Whether it may go on. Anything but "y" is no, and so is the end of standard input. */
static bool confirm(const Form *form)
{
    if (!form->tool->confirm || form->common.force)
        return true;
    char line[16] = "";
    printf("\n    %s [Ny]", form->tool->confirm);
    fflush(stdout);
    return fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y');
}

static bool run(Form *form, int argc, char **argv, GError **error)
{
    if (!arguments_read(form, argc, argv, error))
        return false;
    if (form->common.help) {
        usage_show(form, stdout);
        return true;
    }
    return confirm(form) ? ask(form, error) : trouble_set(error, "nothing was done");
}

static int report(const Form *form, const GError *error)
{
    fprintf(stderr, "%s\n", refusal_line(form, error));
    if (error->domain == G_OPTION_ERROR)
        usage_show_short(form, stderr);
    return EXIT_FAILURE;
}

static int end_output(const char *called)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return EXIT_SUCCESS;
    fprintf(stderr, "%s: cannot write the answer: %s\n", called, g_strerror(errno));
    return EXIT_FAILURE;
}

int session_run(const char *called, int argc, char **argv)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) error = NULL;
    const Family *family;
    const Tool *tool = tool_find(called, &family);
    if (!tool)
        return helper_run(called, argc, argv);
    Form *form = form_new(arena, family, tool, called);
    if (!run(form, argc, argv, &error))
        return report(form, error);
    return end_output(called);
}
