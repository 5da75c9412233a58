/* What listings share: page sizes, encoding, tokens. */
#pragma once

#include "api/s3/s3.h"

#define LIST_PAGE 1000

/* A parameter that limits a page ("max-keys"): LIST_PAGE when absent or greater. Fault
 * InvalidArgument. */
bool s3_page_size(S3Call *call, const char *name, int64_t *ret_limit, GError **error);
/* The same of a text that is not in the query; NULL: absent. */
bool s3_page_size_of(S3Call *call, const char *name, const char *text, int64_t *ret_limit,
                     GError **error);
/* The number of the part behind which a list of parts begins; absent: 0. Fault InvalidArgument. */
bool s3_part_marker(S3Call *call, const char *text, int64_t *ret_after, GError **error);
/* A parameter that means nothing when it is empty: then NULL. */
const char *s3_list_text(const S3Call *call, const char *name);
/* encoding-type: NULL or "url". Fault InvalidArgument. */
bool s3_list_encoding(S3Call *call, bool *ret_url, GError **error);
/* An element with a key or prefix, percent-encoded if url. NULL text: nothing. */
void s3_xml_key(Buffer *xml, const char *name, const char *text, bool url);
/* <CommonPrefixes><Prefix> */
void s3_xml_prefix(Buffer *xml, const char *prefix, bool url);

/* The owner that was shown last: those who come one after the other are looked up once. */
typedef struct S3Owner {
    const char *account_id, *id, *name;
} S3Owner;
/* <Owner> of an item, in call->txn. *last is {0} at first. */
bool s3_xml_listed_owner(S3Call *call, Buffer *xml, S3Owner *last, const char *account_id,
                         GError **error);
/* <ChecksumAlgorithm> and <ChecksumType> of what a record keeps; none: nothing. */
void s3_xml_checksum_kind(S3Call *call, Buffer *xml, const char *checksum);
