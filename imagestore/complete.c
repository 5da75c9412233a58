/* Completing a multipart upload: from the parts that are there and what the client says of them to
 * an object.
 *
 * Sources: CompleteMultipartUpload (Amazon S3 API Reference); "Checking object integrity" (Amazon
 * S3 User Guide): a composite checksum is that of the parts' checksums one after the other; one of
 * the full object is combined from the parts'. */
#include "imagestore/uploads.h"

#include "base/digest.h"
#include <inttypes.h>
#include <string.h>

typedef struct Completion {
    Arena *arena;
    const List *claims; /* of PartClaim * */
    List parts;         /* of Part *: those claimed, in order */
    List dropped;       /* of Part *: the others */
    ChecksumClaim checksum;
    int64_t size;
} Completion;

static bool check_claims(const List *claims, GError **error)
{
    if (claims->n == 0 || claims->n > PART_NUMBER_MAX)
        return fault_set(error, FAULT_MALFORMED_XML,
                         "The XML you provided was not well-formed or did not validate against our"
                         " published schema");
    unsigned last = 0;
    LIST_EACH (const PartClaim *, claim, claims) {
        if (claim->number <= last)
            return fault_set(error, FAULT_INVALID_PART_ORDER,
                             "The list of parts was not in ascending order. The parts list must be"
                             " specified in order by part number.");
        last = claim->number;
    }
    return true;
}

static bool invalid_part(GError **error)
{
    return fault_set(error, FAULT_INVALID_PART,
                     "One or more of the specified parts could not be found. The part might not"
                     " have been uploaded, or the specified entity tag might not have matched the"
                     " part's entity tag.");
}

/* Both lists are in order. */
static bool choose_parts(Completion *completion, const List *there, GError **error)
{
    size_t i = 0;
    LIST_EACH (const PartClaim *, claim, completion->claims) {
        Part *part = NULL;
        for (; i < there->n && !part; i++) {
            Part *next = list_at(there, i);
            unsigned number = (unsigned)g_ascii_strtoull(next->number, NULL, 10);
            if (number > claim->number)
                break;
            if (number == claim->number)
                part = next;
            else
                list_add(&completion->dropped, completion->arena, next);
        }
        if (!part || g_strcmp0(part->etag, claim->etag) != 0)
            return invalid_part(error);
        list_add(&completion->parts, completion->arena, part);
    }
    for (; i < there->n; i++)
        list_add(&completion->dropped, completion->arena, list_at(there, i));
    return true;
}

static bool check_sizes(Completion *completion, GError **error)
{
    const List *parts = &completion->parts;
    for (size_t i = 0; i < parts->n; i++) {
        const Part *part = list_at(parts, i);
        if (i + 1 < parts->n && part->size < PART_SIZE_MIN)
            return fault_set(error, FAULT_ENTITY_TOO_SMALL,
                             "Your proposed upload is smaller than the minimum allowed size");
        completion->size += part->size;
    }
    if (completion->size > OBJECT_SIZE_MAX)
        return fault_set(error, FAULT_ENTITY_TOO_LARGE,
                         "Your proposed upload exceeds the maximum allowed size");
    return true;
}

static const char *etag_of_parts(const Completion *completion)
{
    const List *parts = &completion->parts;
    g_autofree uint8_t *digests = g_new0(uint8_t, parts->n * MD5_SIZE);
    for (size_t i = 0; i < parts->n; i++) {
        const char *etag = ((const Part *)list_at(parts, i))->etag;
        g_assert(strlen(etag) == 2 * MD5_SIZE);
        for (size_t j = 0; j < MD5_SIZE; j++)
            digests[i * MD5_SIZE + j] = (uint8_t)(g_ascii_xdigit_value(etag[2 * j]) << 4 |
                                                  g_ascii_xdigit_value(etag[2 * j + 1]));
    }
    uint8_t md5[MD5_SIZE];
    char hex[2 * MD5_SIZE + 1];
    digest(DIGEST_MD5, digests, parts->n * MD5_SIZE, md5);
    hex_encode(md5, sizeof(md5), hex);
    return arena_printf(completion->arena, "%s-%zu", hex, parts->n);
}

/* Checksums. */

static const char *lower_name(Arena *arena, ChecksumKind kind)
{
    g_autofree char *lower = g_ascii_strdown(checksum_name(kind), -1);
    return arena_strdup(arena, lower);
}

static bool kinds_differ(Arena *arena, ChecksumKind expected, ChecksumKind actual, GError **error)
{
    return fault_set(error, FAULT_INVALID_REQUEST,
                     "Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum"
                     " Type: %s",
                     lower_name(arena, expected), lower_name(arena, actual));
}

/* What the upload says or, when it says nothing, what the request does. */
static bool choose_checksum(Completion *completion, const Upload *upload,
                            const ChecksumClaim *whole, GError **error)
{
    ChecksumClaim wanted = checksum_claim(completion->arena, upload->checksum);
    if (whole && wanted.kind == CHECKSUM_NONE)
        wanted = (ChecksumClaim){.kind = whole->kind, .composite = whole->composite};
    if (wanted.kind != CHECKSUM_NONE && !wanted.composite && !checksum_is_crc(wanted.kind))
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "The FULL_OBJECT checksum type cannot be used with the %s checksum"
                         " algorithm.",
                         lower_name(completion->arena, wanted.kind));
    if (whole && whole->kind != wanted.kind)
        return kinds_differ(completion->arena, wanted.kind, whole->kind, error);
    if (whole && whole->composite != wanted.composite)
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "The upload was created using the %s checksum mode. The complete request"
                         " must use the same checksum mode.",
                         wanted.composite ? "COMPOSITE" : "FULL_OBJECT");
    completion->checksum = (ChecksumClaim){.kind = wanted.kind, .composite = wanted.composite};
    return true;
}

/* Whether the part is the one that the client means. */
static bool check_part(const Completion *completion, const PartClaim *claim, const Part *part,
                       GError **error)
{
    ChecksumKind wanted = completion->checksum.kind;
    ChecksumClaim is = checksum_claim(completion->arena, part->checksum);
    for (unsigned i = 0; i < CHECKSUM_KINDS; i++) {
        ChecksumKind kind = (ChecksumKind)i;
        if (!claim->checksums[kind])
            continue;
        if (wanted != CHECKSUM_NONE && kind != wanted)
            return kinds_differ(completion->arena, wanted, kind, error);
        if (kind == is.kind && g_strcmp0(is.value, claim->checksums[kind]) != 0)
            return invalid_part(error);
    }
    if (completion->checksum.composite && !claim->checksums[wanted])
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "The upload was created using a %s checksum. The complete request must"
                         " include the checksum for each part. It was missing for part %u in the"
                         " request.",
                         lower_name(completion->arena, wanted), claim->number);
    return true;
}

static bool check_parts(const Completion *completion, GError **error)
{
    for (size_t i = 0; i < completion->parts.n; i++) {
        if (!check_part(completion, list_at(completion->claims, i), list_at(&completion->parts, i),
                        error))
            return false;
    }
    return true;
}

/* The raw values of the parts, CHECKSUM_MAX_SIZE bytes apart. */
static bool read_values(const Completion *completion, uint8_t *values, GError **error)
{
    LIST_EACH (const Part *, part, &completion->parts) {
        ChecksumClaim is = checksum_claim(completion->arena, part->checksum);
        if (is.kind != completion->checksum.kind || !is.value ||
            !checksum_read(is.kind, is.value, values))
            return invalid_part(error);
        values += CHECKSUM_MAX_SIZE;
    }
    return true;
}

static void combine_values(const Completion *completion, const uint8_t *values, uint8_t *out)
{
    ChecksumKind kind = completion->checksum.kind;
    memcpy(out, values, CHECKSUM_MAX_SIZE);
    for (size_t i = 1; i < completion->parts.n; i++) {
        const Part *part = list_at(&completion->parts, i);
        checksum_combine(kind, out, values + i * CHECKSUM_MAX_SIZE, (uint64_t)part->size, out);
    }
}

static void digest_values(const Completion *completion, const uint8_t *values, uint8_t *out)
{
    ChecksumKind kind = completion->checksum.kind;
    g_autoptr(Checksum) checksum = checksum_new(kind);
    for (size_t i = 0; i < completion->parts.n; i++)
        checksum_add(checksum, values + i * CHECKSUM_MAX_SIZE, checksum_size(kind));
    checksum_end(checksum, out);
}

/* The client may leave the number of parts away. */
static bool equals(const char *value, const char *claimed)
{
    return strcmp(value, claimed) == 0 ||
           (!strchr(claimed, '-') && g_str_has_prefix(value, claimed) &&
            value[strlen(claimed)] == '-');
}

static bool compute_checksum(Completion *completion, const ChecksumClaim *whole, GError **error)
{
    ChecksumClaim *checksum = &completion->checksum;
    if (checksum->kind == CHECKSUM_NONE)
        return true;
    g_autofree uint8_t *values = g_new0(uint8_t, completion->parts.n * CHECKSUM_MAX_SIZE);
    if (!read_values(completion, values, error))
        return false;
    uint8_t result[CHECKSUM_MAX_SIZE];
    (checksum->composite ? digest_values : combine_values)(completion, values, result);
    checksum->value = checksum_text(completion->arena, checksum->kind, result);
    if (checksum->composite)
        checksum->value =
            arena_printf(completion->arena, "%s-%zu", checksum->value, completion->parts.n);
    if (whole && whole->value && !equals(checksum->value, whole->value))
        return fault_set(error, FAULT_BAD_DIGEST,
                         "The %s you specified did not match the calculated checksum.",
                         checksum_name(checksum->kind));
    return true;
}

/* Writing. */

static bool drop_others(Blobs *blobs, Txn *txn, const Completion *completion, GError **error)
{
    LIST_EACH (const Part *, part, &completion->dropped) {
        if (!blob_unref(blobs, txn, part->blob_id, error) ||
            !record_change(txn, CHANGE_DELETE_PART, NULL, error, part->upload_id, part->number))
            return false;
    }
    return true;
}

/* Upwards: no part gets a number that one behind it still has. */
static bool place_parts(Txn *txn, const Completion *completion, GError **error)
{
    int64_t offset = 0;
    for (size_t i = 0; i < completion->parts.n; i++) {
        Part *part = list_at(&completion->parts, i);
        const char *number = arena_printf(completion->arena, "%05zu", i + 1);
        bool moves = strcmp(number, part->number) != 0;
        if (moves &&
            !record_change(txn, CHANGE_DELETE_PART, NULL, error, part->upload_id, part->number))
            return false;
        part->number = number;
        part->offset = offset;
        offset += part->size;
        if (!(moves ? part_insert : part_put)(txn, part, error))
            return false;
    }
    return true;
}

static Object *make_object(const Completion *completion, const Upload *upload)
{
    Object object = {
        .bucket = upload->bucket,
        .key = upload->key,
        .account_id = upload->account_id,
        .size = completion->size,
        .etag = etag_of_parts(completion),
        .upload_id = upload->id,
        .parts = (int64_t)completion->parts.n,
        .storage_class = upload->storage_class,
        .headers = upload->headers,
        .acl = upload->acl,
        .tags = upload->tags,
        .lock_mode = upload->lock_mode,
        .retain_until = upload->retain_until,
        .legal_hold = upload->legal_hold,
        .encryption = upload->encryption,
        .encryption_key = upload->encryption_key,
    };
    if (completion->checksum.kind != CHECKSUM_NONE)
        object.checksum = checksum_record(completion->arena, &completion->checksum);
    return arena_memdup(completion->arena, &object, sizeof(object));
}

bool upload_complete(Blobs *blobs, Txn *txn, Arena *arena, Upload *upload, const List *claims,
                     const ChecksumClaim *whole, Object **ret_object, GError **error)
{
    Completion completion = {.arena = arena, .claims = claims};
    List there = {0};
    if (whole && whole->kind == CHECKSUM_NONE)
        whole = NULL;
    if (!upload_check_open(txn, arena, upload, error) || !check_claims(claims, error) ||
        !record_query(txn, arena, QUERY_PARTS_OF_UPLOAD, &there, error, upload->id) ||
        !choose_parts(&completion, &there, error) || !check_sizes(&completion, error) ||
        !choose_checksum(&completion, upload, whole, error) || !check_parts(&completion, error) ||
        !compute_checksum(&completion, whole, error))
        return false;

    Upload completed = *upload;
    completed.completed = true;
    if (!drop_others(blobs, txn, &completion, error) || !place_parts(txn, &completion, error) ||
        !upload_put(txn, &completed, error))
        return false;
    upload->completed = true;
    *ret_object = make_object(&completion, upload);
    return true;
}
