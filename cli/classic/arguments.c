/* Command lines of the tools of old: "--option value", "--option=value", "-o value", and operands.
 *
 * Invariant: a tool's own options win over the common ones of the same name or letter. */
#include "cli/classic/arguments.h"
#include "cli/command.h"
#include "cli/suggest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STDIN_MAX (1024 * 1024)
#define TIMEOUT_MAX_S 86400

/* What an option's word means: one of both is set. */
typedef struct Meaning {
    const Option *own;
    const CommonOption *common;
} Meaning;

/* ---- finding ---- */

bool words_have(const char *words, const char *text)
{
    size_t length = strlen(text);
    for (const char *at = words; length > 0 && (at = strstr(at, text)); at += length)
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
    return false;
}

static bool is_option(const Option *option, const char *name)
{
    return (option->letter && name[0] == option->letter && !name[1]) ||
           (option->name && words_have(option->name, name));
}

static bool find_option(const Form *form, const char *name, Meaning *ret_meaning)
{
    for (const Option *option = form->tool->options; option && option->kind != END; option++) {
        if (is_option(option, name)) {
            *ret_meaning = (Meaning){.own = option};
            return true;
        }
    }
    for (const CommonOption *option = common_options; option->names; option++) {
        if (words_have(option->families, form->family->prefix) && words_have(option->names, name)) {
            *ret_meaning = (Meaning){.common = option};
            return true;
        }
    }
    return false;
}

static void add_names(Arena *arena, const char *names, List *list)
{
    g_auto(GStrv) words = g_strsplit(names, " ", -1);
    for (size_t i = 0; words[i]; i++)
        if (strlen(words[i]) > 1)
            list_add(list, arena, arena_strdup(arena, words[i]));
}

/* Always false. */
static bool refuse_option(const Form *form, const char *word, const char *name, GError **error)
{
    List names = {0};
    for (const Option *option = form->tool->options; option && option->kind != END; option++)
        if (option->name)
            add_names(form->arena, option->name, &names);
    for (const CommonOption *option = common_options; option->names; option++)
        if (words_have(option->families, form->family->prefix))
            add_names(form->arena, option->names, &names);
    list_add(&names, form->arena, NULL);
    const char *like = suggest(name, (const char *const *)names.items);
    return like ? usage_set(error, "Unknown option '%s'; did you mean '--%s'?", word, like)
                : usage_set(error, "Unknown option '%s'", word);
}

/* ---- values ---- */

static bool takes_value(const Meaning *meaning)
{
    return meaning->own ? meaning->own->kind != FLAG && meaning->own->kind != KEPT_FLAG
                        : !meaning->common->flag;
}

/* "-1" and "-" are no options. */
static bool is_value(const char *word)
{
    return word && (word[0] != '-' || !word[1] || g_ascii_isdigit(word[1]) || word[1] == '.');
}

static bool set_number(long *at, const char *name, const char *value, GError **error)
{
    char *end;
    double seconds = g_ascii_strtod(value, &end);
    if (*end || end == value || !(seconds > 0 && seconds <= TIMEOUT_MAX_S))
        return usage_set(error, "Invalid argument for option '%s': '%s' is no number of seconds",
                         name, value);
    *at = (long)(seconds * 1000);
    return true;
}

static bool set_common(Form *form, const CommonOption *option, const char *word, const char *value,
                       GError **error)
{
    char *common = (char *)&form->common;
    if (option->flag)
        *(bool *)(void *)(common + option->flag - 1) = true;
    else if (option->text)
        *(const char **)(void *)(common + option->text - 1) = value;
    else
        return set_number((long *)(void *)(common + option->number - 1), word, value, error);
    return true;
}

/* Of the tools with several values an option: "a, b" are two, and so are "a" "b". */
static bool takes_several(const Form *form, const Meaning *meaning)
{
    return meaning->own && !form->family->plain &&
           (meaning->own->kind == LIST || meaning->own->kind == FIELDS);
}

/* ---- words ---- */

typedef struct Words {
    List words; /* of const char * */
    size_t at;
    const Option *operand; /* the row for the next operand; NULL: there is none */
} Words;

static const char *next_word(Words *words)
{
    return words->at < words->words.n ? list_at(&words->words, words->at++) : NULL;
}

static const char *peek_word(const Words *words)
{
    return words->at < words->words.n ? list_at(&words->words, words->at) : NULL;
}

static bool read_option(Form *form, Words *words, const char *word, GError **error)
{
    const char *name = word + strspn(word, "-");
    const char *equals = strchr(name, '=');
    const char *value = equals ? equals + 1 : NULL;
    if (equals)
        name = arena_strndup(form->arena, name, (size_t)(equals - name));
    Meaning meaning;
    if (!find_option(form, name, &meaning))
        return refuse_option(form, word, name, error);
    bool wants = takes_value(&meaning);
    if (!wants && value)
        return usage_set(error, "Option '--%s' takes no argument", name);
    if (wants && !value) {
        if (!is_value(peek_word(words)))
            return usage_set(error, "Option '%s' requires an argument (-h for usage)", word);
        value = next_word(words);
    }
    if (!meaning.own)
        return set_common(form, meaning.common, word, value, error);
    if (!argument_add(form, meaning.own, value, error))
        return false;
    while (takes_several(form, &meaning) && peek_word(words) && *peek_word(words) != '-')
        if (!argument_add(form, meaning.own, next_word(words), error))
            return false;
    return true;
}

static const Option *next_operand(const Option *option)
{
    while (option && option->kind != END && !(option->flags & OPERAND))
        option++;
    return option && option->kind != END ? option : NULL;
}

static bool was_given(const Form *form, const Option *option);

static bool takes_many(const Option *option)
{
    return option->kind == LIST || option->kind == FIELDS || option->flags & MANY;
}

/* The operand's row may have been given by its option already. */
static bool read_operand(Form *form, Words *words, const char *word, GError **error)
{
    while (words->operand && !takes_many(words->operand) && was_given(form, words->operand))
        words->operand = next_operand(words->operand + 1);
    if (!words->operand)
        return usage_set(error, "Unexpected argument '%s' (-h for usage)", word);
    const Option *option = words->operand;
    if (!takes_many(option))
        words->operand = next_operand(option + 1);
    return argument_add(form, option, word, error);
}

static bool add_stdin(Arena *arena, List *words, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    char piece[4096];
    size_t n;
    while ((n = fread(piece, 1, sizeof(piece), stdin)) > 0) {
        g_string_append_len(text, piece, (gssize)n);
        if (text->len > STDIN_MAX)
            return usage_set(error, "Standard input has more than %d bytes", STDIN_MAX);
    }
    g_auto(GStrv) parts = g_strsplit_set(text->str, " \t\r\n", -1);
    for (size_t i = 0; parts[i]; i++)
        if (*parts[i])
            list_add(words, arena, arena_strdup(arena, parts[i]));
    return true;
}

/* ---- what must be there ---- */

/* "InstanceId" of "InstanceId.#", "Listeners.member" of "Listeners.member.#". */
static const char *param_stem(Arena *arena, const char *param)
{
    const char *hash = strchr(param, '#');
    return hash ? arena_strndup(arena, param, (size_t)(hash - param) - 1) : param;
}

static bool was_given(const Form *form, const Option *option)
{
    if (option->kind == KEPT || option->kind == KEPT_FLAG)
        return form_kept(form, option_key(form->arena, option)) != NULL;
    const char *stem = param_stem(form->arena, option->param);
    size_t length = strlen(stem);
    LIST_EACH (const Param *, param, &form->params)
        if (strncmp(param->name, stem, length) == 0 &&
            (!param->name[length] || param->name[length] == '.'))
            return true;
    return false;
}

static bool check_required(const Form *form, GError **error)
{
    for (const Option *option = form->tool->options; option && option->kind != END; option++) {
        if (!(option->flags & REQUIRED) || was_given(form, option))
            continue;
        return usage_set(error, "Required %s '%s' missing (-h for usage)",
                         option->flags & OPERAND ? "parameter" : "option",
                         option_synopsis(form->arena, form->family, option));
    }
    return true;
}

bool arguments_read(Form *form, int argc, char **argv, GError **error)
{
    Words words = {.operand = next_operand(form->tool->options)};
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "-") != 0)
            list_add(&words.words, form->arena, argv[i]);
        else if (!add_stdin(form->arena, &words.words, error))
            return false;
    }
    const char *word;
    bool only_operands = false;
    while ((word = next_word(&words))) {
        if (!only_operands && strcmp(word, "--") == 0) {
            only_operands = true;
            continue;
        }
        bool operand = only_operands || *word != '-';
        if (!(operand ? read_operand : read_option)(form, &words, word, error))
            return false;
    }
    if (form->common.help)
        return true;
    return check_required(form, error) && (!form->tool->finish || form->tool->finish(form, error));
}

/* ---- for help ---- */

const char *option_key(Arena *arena, const Option *option)
{
    return arena_strndup(arena, option->name, strcspn(option->name, " "));
}

/* "InstanceId" of an operand's parameter "Instances.member.#.InstanceId". */
static const char *operand_name(Arena *arena, const Option *option)
{
    const char *param = option->param ? option->param : option->name;
    const char *hash = strstr(param, "#.");
    if (hash)
        return hash + 2;
    const char *stem = param_stem(arena, param);
    size_t length = strlen(stem);
    return g_str_has_suffix(stem, ".member") ? arena_strndup(arena, stem, length - 7) : stem;
}

const char *option_synopsis(Arena *arena, const Family *family, const Option *option)
{
    bool flag = option->kind == FLAG || option->kind == KEPT_FLAG;
    bool list = option->kind == LIST && !family->plain;
    const char *value = flag ? "" : list ? " VALUE[,VALUE...]" : " VALUE";
    if (option->flags & OPERAND)
        return arena_printf(arena, "%s%s", operand_name(arena, option),
                            takes_many(option) ? " [...]" : "");
    const char *name = option->name ? option_key(arena, option) : NULL;
    if (!name)
        return arena_printf(arena, "-%c%s", option->letter, value);
    return option->letter ? arena_printf(arena, "-%c, --%s%s", option->letter, name, value)
                          : arena_printf(arena, "--%s%s", name, value);
}
