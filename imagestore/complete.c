/* Completing a multipart upload: from the parts that are there and what the client says of them to
 * an object.
 *
 * Invariant: offsets mean nothing as long as the upload is open, so that many parts can be placed
 * before the transaction that completes it, which only places those that are not.
 *
 * Sources: CompleteMultipartUpload (Amazon S3 API Reference); "Checking object integrity" (Amazon
 * S3 User Guide): a composite checksum is that of the parts' checksums one after the other; one of
 * the full object is combined from the parts'. */
#include "imagestore/uploads.h"

#include "base/digest.h"
#include "imagestore/part_sweep.h"
#include <inttypes.h>
#include <string.h>

typedef struct Completion {
    Arena *arena;
    const List *claims;  /* of PartClaim * */
    List parts;          /* of Part *: those claimed, in order */
    List dropped;        /* of Part *: the others */
    ChecksumClaim *sums; /* of each of parts */
    ChecksumClaim checksum;
    int64_t size;
    const Part *small; /* it is smaller than allowed; NULL: none is */
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
            unsigned number = part_number(next);
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
        if (i + 1 < parts->n && part->size < PART_SIZE_MIN) {
            completion->small = part;
            return fault_set(error, FAULT_ENTITY_TOO_SMALL,
                             "Your proposed upload is smaller than the minimum allowed size");
        }
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

bool upload_kinds_differ(ChecksumKind expected, ChecksumKind actual, GError **error)
{
    return fault_set(error, FAULT_INVALID_REQUEST,
                     "Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum"
                     " Type: %s",
                     checksum_lower_name(expected),
                     actual == CHECKSUM_NONE ? "null" : checksum_lower_name(actual));
}

static void read_sums(Completion *completion)
{
    const List *parts = &completion->parts;
    completion->sums = arena_alloc(completion->arena, parts->n * sizeof(ChecksumClaim));
    for (size_t i = 0; i < parts->n; i++) {
        const Part *part = list_at(parts, i);
        completion->sums[i] = checksum_claim(completion->arena, part->checksum);
    }
}

static bool all_have(const Completion *completion, ChecksumKind kind)
{
    for (size_t i = 0; i < completion->parts.n; i++) {
        if (completion->sums[i].kind != kind)
            return false;
    }
    return true;
}

/* What the upload says or, when it says nothing, what the request does; or else that of the whole
 * which follows from the checksums that S3 has added to the parts. */
static bool choose_checksum(Completion *completion, const Upload *upload,
                            const ChecksumClaim *whole, GError **error)
{
    ChecksumClaim wanted = checksum_claim(completion->arena, upload->checksum);
    if (whole && wanted.kind == CHECKSUM_NONE)
        wanted = (ChecksumClaim){.kind = whole->kind, .composite = whole->composite};
    else if (wanted.kind == CHECKSUM_NONE && all_have(completion, CHECKSUM_CRC64NVME))
        wanted.kind = CHECKSUM_CRC64NVME;
    if (wanted.kind != CHECKSUM_NONE && !wanted.composite && !checksum_is_crc(wanted.kind))
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "The FULL_OBJECT checksum type cannot be used with the %s checksum"
                         " algorithm.",
                         checksum_lower_name(wanted.kind));
    if (whole && whole->kind != wanted.kind)
        return upload_kinds_differ(wanted.kind, whole->kind, error);
    if (whole && whole->composite != wanted.composite)
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "The upload was created using the %s checksum mode. The complete request"
                         " must use the same checksum mode.",
                         wanted.composite ? "COMPOSITE" : "FULL_OBJECT");
    completion->checksum = (ChecksumClaim){.kind = wanted.kind, .composite = wanted.composite};
    return true;
}

/* Whether the part is the one that the client means. */
static bool check_part(const Completion *completion, const PartClaim *claim, ChecksumClaim is,
                       GError **error)
{
    ChecksumKind wanted = completion->checksum.kind;
    for (unsigned i = 0; i < CHECKSUM_KINDS; i++) {
        ChecksumKind kind = (ChecksumKind)i;
        if (!claim->checksums[kind])
            continue;
        if (wanted != CHECKSUM_NONE && kind != wanted)
            return upload_kinds_differ(wanted, kind, error);
        if (kind == is.kind && g_strcmp0(is.value, claim->checksums[kind]) != 0)
            return invalid_part(error);
    }
    if (completion->checksum.composite && !claim->checksums[wanted])
        return fault_set(error, FAULT_INVALID_REQUEST,
                         "The upload was created using a %s checksum. The complete request must"
                         " include the checksum for each part. It was missing for part %u in the"
                         " request.",
                         checksum_lower_name(wanted), claim->number);
    return true;
}

static bool check_parts(const Completion *completion, GError **error)
{
    for (size_t i = 0; i < completion->parts.n; i++) {
        if (!check_part(completion, list_at(completion->claims, i), completion->sums[i], error))
            return false;
    }
    return true;
}

/* The raw values of the parts, CHECKSUM_MAX_SIZE bytes apart. */
static bool read_values(const Completion *completion, uint8_t *values, GError **error)
{
    for (size_t i = 0; i < completion->parts.n; i++) {
        ChecksumClaim is = completion->sums[i];
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

/* What changes, of Part * with their new offsets: whose offset is not what it is to be. */
static void find_moves(const Completion *completion, List *moves)
{
    int64_t offset = 0;
    LIST_EACH (Part *, part, &completion->parts) {
        if (part->offset != offset)
            list_add(moves, completion->arena, part);
        part->offset = offset;
        offset += part->size;
    }
    LIST_EACH (Part *, part, &completion->dropped) {
        if (part->offset != PART_NOT_PLACED)
            list_add(moves, completion->arena, part);
        part->offset = PART_NOT_PLACED;
    }
}

/* From the one at this index on, at most PARTS_SLICE. */
static bool move_parts(Txn *txn, Arena *arena, const List *moves, size_t from, GError **error)
{
    for (size_t i = from; i < MIN(moves->n, from + PARTS_SLICE); i++) {
        const Part *part = list_at(moves, i);
        if (!record_change(txn, CHANGE_PLACE_PART, NULL, error,
                           arena_printf(arena, "%" PRId64, part->offset), part->upload_id,
                           part->number))
            return false;
    }
    return true;
}

static bool place_parts(Blobs *blobs, Txn *txn, const Completion *completion, const char *id,
                        GError **error)
{
    List moves = {0};
    find_moves(completion, &moves);
    for (size_t i = 0; i < moves.n; i += PARTS_SLICE) {
        if (!move_parts(txn, completion->arena, &moves, i, error))
            return false;
    }
    return completion->dropped.n == 0 || part_trash_put(blobs, txn, id, error);
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

/* The parts that are there, and which of them are claimed. Faults as of upload_complete(). */
static bool find_parts(Txn *txn, Completion *completion, const Upload *upload, GError **error)
{
    List there = {0};
    return upload_check_open(txn, completion->arena, upload, error) &&
           check_claims(completion->claims, error) &&
           record_query(txn, completion->arena, QUERY_PARTS_OF_UPLOAD, &there, error, upload->id) &&
           choose_parts(completion, &there, error) && check_sizes(completion, error);
}

static bool find_all_moves(Store *store, const Upload *upload, Completion *completion, List *moves,
                           GError **error)
{
    g_autoptr(Txn) txn = NULL;
    if (!txn_begin_read(store, &txn, error) || !find_parts(txn, completion, upload, error))
        return false;
    find_moves(completion, moves);
    return true;
}

/* Another request may have completed it since, or put another part: what is wrong then for this one
 * is so for upload_complete(). */
static bool move_slices(Store *store, const Upload *upload, Arena *arena, const List *moves,
                        GError **error)
{
    for (size_t i = 0; i < moves->n; i += PARTS_SLICE) {
        g_autoptr(Txn) txn = NULL;
        if (!txn_begin(store, &txn, error) || !upload_check_open(txn, arena, upload, error) ||
            !move_parts(txn, arena, moves, i, error) || !txn_commit(&txn, error))
            return false;
    }
    return true;
}

bool upload_place_parts(Store *store, const Upload *upload, const List *claims, GError **error)
{
    g_autoptr(Arena) arena = arena_new();
    g_autoptr(GError) why = NULL;
    Completion completion = {.arena = arena, .claims = claims};
    List moves = {0};
    if ((find_all_moves(store, upload, &completion, &moves, &why) &&
         move_slices(store, upload, arena, &moves, &why)) ||
        why->domain == FAULT_DOMAIN)
        return true;
    g_propagate_error(error, g_steal_pointer(&why));
    return false;
}

bool upload_complete(Blobs *blobs, Txn *txn, Arena *arena, Upload *upload, const List *claims,
                     const ChecksumClaim *whole, Object **ret_object, const Part **ret_small,
                     GError **error)
{
    Completion completion = {.arena = arena, .claims = claims};
    if (whole && whole->kind == CHECKSUM_NONE)
        whole = NULL;
    bool found = find_parts(txn, &completion, upload, error);
    if (ret_small && completion.small)
        *ret_small = completion.small;
    if (!found)
        return false;
    read_sums(&completion);
    if (!choose_checksum(&completion, upload, whole, error) || !check_parts(&completion, error) ||
        !compute_checksum(&completion, whole, error))
        return false;

    Upload completed = *upload;
    completed.completed = true;
    if (!place_parts(blobs, txn, &completion, upload->id, error) ||
        !upload_put(txn, &completed, error))
        return false;
    upload->completed = true;
    *ret_object = make_object(&completion, upload);
    return true;
}
