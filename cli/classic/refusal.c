/* Error documents of the two forms, Errors/Error and Error, and lines for them. */
#include "cli/classic/refusal.h"
#include "base/fault.h"
#include "cli/text.h"

#include <string.h>

#define TEXT_MAX 1000

GQuark refusal_domain(void)
{
    return g_quark_from_static_string("refusal");
}

/* What the tools called malformed input, and what refused. */
static const char *kind_of(const char *code)
{
    static const char *const malformed[] = {
        "ValidationError",  "InvalidParameterValue", "InvalidParameterCombination",
        "MissingParameter", "MalformedInput",        NULL};
    static const char *const refused[] = {"AccessDenied",         "AuthFailure",
                                          "InvalidClientTokenId", "SignatureDoesNotMatch",
                                          "OptInRequired",        "MissingAuthenticationToken",
                                          "RequestExpired",       NULL};
    return g_strv_contains(malformed, code) ? "Malformed input-"
           : g_strv_contains(refused, code) ? "Refused: "
                                            : NULL;
}

static const char *wording(const Form *form, long status, const char *code, const char *message)
{
    if (form->family->plain)
        return arena_printf(form->arena, "%s.%s: %s", status >= 500 ? "Server" : "Client", code,
                            message);
    const char *kind = kind_of(code);
    return kind ? arena_printf(form->arena, "%s%s", kind, message)
                : arena_printf(form->arena, "%s: %s", code, message);
}

static const Element *find_error(xmlDoc *document)
{
    static const char *const paths[] = {"Errors/Error", "Error"};
    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        const Element *found = element_at(xmlDocGetRootElement(document), paths[i]);
        if (found)
            return found;
    }
    return NULL;
}

bool refusal_set(const Form *form, const Answer *answer, GError **error)
{
    xmlDoc *document = NULL;
    const Element *found = reply_parse(answer->body, &document, NULL) ? find_error(document) : NULL;
    if (found)
        g_set_error_literal(error, REFUSAL_DOMAIN, 0,
                            wording(form, answer->status, text_at(form->arena, found, "Code"),
                                    text_at(form->arena, found, "Message")));
    else
        trouble_set(
            error, "the service answers with HTTP %ld: %s", answer->status,
            text_printable(form->arena, arena_strndup(form->arena, answer->body, TEXT_MAX)));
    xmlFreeDoc(document);
    return false;
}

const char *refusal_line(const Form *form, const GError *error)
{
    bool refusal = error->domain == REFUSAL_DOMAIN;
    if (form->family->plain)
        return refusal ? error->message
                       : arena_printf(form->arena, "%s: %s", form->called, error->message);
    return arena_printf(form->arena, "%s:  %s%s", form->called,
                        error->domain == G_OPTION_ERROR ? "Malformed input-" : "", error->message);
}
