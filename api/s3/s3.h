/* S3 over REST: what its operations share.
 *
 * A request's way: s3_route (api/s3/route.h) takes it → address.c tells bucket and key → the
 * signature is verified, from headers alone → operations.def names the operation → access.c says
 * whether the caller may → the body is taken (streamed to a blob, or buffered as a document) → the
 * handler runs: a READ one in the event thread, a WRITE one on a worker.
 *
 * Handlers get an S3Call, fill call->reply and return true; or set a fault, for which the core
 * writes S3's error document. Everything lives in call->arena. One thread at a time. */
#pragma once

#include "api/action.h"
#include "api/route.h"
#include "api/s3/control_address.h"
#include "api/signature/s3_signature.h"
#include "api/xml.h"
#include "cloud/cloud.h"
#include "imagestore/acl.h"
#include "imagestore/uploads.h"

typedef enum S3Level { S3_SERVICE, S3_BUCKET, S3_OBJECT } S3Level;

typedef enum S3Body {
    S3_NO_BODY,  /* what comes is read and ignored */
    S3_DOCUMENT, /* buffered in call->document, at most S3_DOCUMENT_MAX bytes */
    S3_BYTES,    /* streamed into a blob: call->bytes is its result */
    S3_FORM,     /* POST object: fields, then the file's bytes as above */
} S3Body;

#define S3_DOCUMENT_MAX (4 * 1024 * 1024)

/* Whose ACL, besides policies, may allow it. */
typedef enum S3AclOf { S3_ACL_NOBODY, S3_ACL_BUCKET, S3_ACL_OBJECT } S3AclOf;

typedef struct S3Call S3Call;
typedef struct S3Said S3Said; /* api/s3/access_facts.h */
typedef bool (*S3Handler)(S3Call *call, GError **error);

typedef struct S3Operation {
    const char *name;   /* "GetObject", as in the API reference and botocore */
    const char *method; /* "GET"; HEAD is its own */
    S3Level level;
    const char *subresource;    /* query parameter that must be there: "acl"; NULL: none */
    const char *header;         /* header that must be there: "x-amz-copy-source"; NULL: none */
    const char *action;         /* of policies: "s3:GetObject"; NULL: nothing is asked for */
    const char *version_action; /* the same with ?versionId; NULL: action */
    S3AclOf acl_of;
    unsigned acl; /* bits of AclPermission */
    S3Body body;
    ActionKind kind;
    /* NULL, or: what the headers alone can tell is wrong, before the body comes; in the event
     * thread, after access was checked. May leave something in call->state and call->blob. */
    S3Handler prepare;
    S3Handler handle;
} S3Operation;

/* What the daemon hands in. Borrowed, for the service's life. */
typedef struct S3Config {
    Cloud *cloud;
    Blobs *blobs;
    Verifier *verifier;
    Clock *clock; /* real time: signatures and dates of objects */
    const char *region;
} S3Config;

typedef struct S3Detail {
    const char *name, *value;
} S3Detail;

struct S3Call {
    const S3Config *s3;
    Arena *arena;
    const HttpRequest *http;
    HttpReply *reply;
    const S3Operation *operation;
    const char *request_id, *host_id;

    Params params;                   /* of the query, decoded */
    const char *bucket_name;         /* NULL at service level */
    const char *key;                 /* NULL below object level */
    const char *version_id;          /* ?versionId; NULL: none */
    bool virtual_host;               /* the bucket was in the Host header */
    bool website;                    /* a website endpoint was asked */
    const S3ControlAddress *control; /* S3 Control was asked; NULL: S3 */

    S3Signature signature;
    const char *caller_id;   /* canonical user id; NULL: anonymous */
    const char *caller_name; /* display name */

    /* As they were when access was checked; a WRITE handler reads them again in its transaction:
     * s3_begin_write(). */
    Bucket *bucket;
    Object *object;       /* operations with S3_ACL_OBJECT: the version asked for, if it is there */
    GError *object_error; /* why it is not; owned by the core */
    bool charged;         /* the requester pays, and has agreed */
    bool undecided;       /* access hangs on what the body says */
    const S3Said *said;   /* what that is; NULL: look at the headers */

    Txn *txn; /* READ handlers: one that reads, owned by the core; WRITE handlers begin their own */

    void *state;          /* of prepare for handle */
    BlobSpec blob;        /* prepare: customer_key, checksums; the core adds the rest */
    bool sums_elsewhere;  /* prepare: x-amz-checksum-* are not of the body: no concern of intake */
    const char *document; /* S3_DOCUMENT: NUL-terminated */
    size_t document_size;
    BlobWriter *writer;      /* S3_BYTES, S3_FORM: to be kept; the core frees it */
    const BlobResult *bytes; /* S3_BYTES, S3_FORM: all digests that the client gave were right */
    /* The one that the client gave; of bytes without one that S3 adds. To be kept with the object.
     */
    ChecksumClaim checksum;
    List details; /* of S3Detail *: more elements of an error document */
};

/* What a WRITE handler begins with, once it has its body: a transaction that writes, and the bucket
 * as it is now. Fault NoSuchBucket: it is gone, or another has its name than the one that access
 * was checked for, maybe somebody else's. */
bool s3_begin_write(S3Call *call, Txn **ret_txn, Bucket **ret_bucket, GError **error);

/* The current time, µs, of objects. */
int64_t s3_now(const S3Call *call);
/* A query parameter's value, or NULL. */
const char *s3_param(const S3Call *call, const char *name);
/* A request header's value, or NULL. */
const char *s3_header(const S3Call *call, const char *name);
/* Adds a reply header; NULL value: nothing. The texts must live as long as the arena. */
void s3_reply_header(S3Call *call, const char *name, const char *value);
/* Faults that many refuse with, in AWS's words. */
bool s3_method_not_allowed(GError **error);
bool s3_not_implemented(GError **error);
/* Adds an element to the error document, should there be one. */
void s3_detail(S3Call *call, const char *name, const char *value);
/* A reply with a status and nothing in it. */
void s3_reply_empty(S3Call *call, unsigned status);

/* A reply of XML: s3_xml_begin writes the declaration and opens the root with the
 * namespace of S3 or S3 Control; s3_xml_end closes it and sets status 200 and the content type.
 * Between them: s3_xml_* or api/xml.h on the buffer. */
Buffer *s3_xml_begin(S3Call *call, const char *root);
void s3_xml_end(S3Call *call, const char *root);
void s3_xml_text(Buffer *xml, const char *name, const char *text); /* NULL text: nothing */
void s3_xml_int(Buffer *xml, const char *name, int64_t value);
void s3_xml_bool(Buffer *xml, const char *name, bool value);
void s3_xml_time(Buffer *xml, const char *name, int64_t time);     /* 2010-11-22T09:30:05.000Z */
void s3_xml_etag(Buffer *xml, const char *name, const char *etag); /* with quotes */
void s3_xml_open(Buffer *xml, const char *name);
void s3_xml_close(Buffer *xml, const char *name);
/* An element with <ID> and <DisplayName>. */
void s3_xml_identity(Buffer *xml, const char *element, const char *id, const char *name);
/* <Owner> of an account, from the store. */
bool s3_xml_owner(S3Call *call, Txn *txn, Buffer *xml, const char *account_id, GError **error);

/* "Mon, 22 Nov 2010 09:30:05 GMT" in the arena. */
char *s3_http_date(Arena *arena, int64_t time);
/* A time in a form of HTTP's or of ISO 8601. */
bool s3_time_read(const char *text, int64_t *ret_time);
/* The time that a header says; 0 without, or unreadable. */
int64_t s3_header_time(const S3Call *call, const char *name);

/* Canonical id and display name of an account; NULL: it is gone. */
void s3_identity_of(const Account *account, const char *account_id, const char **ret_id,
                    const char **ret_name);
bool s3_account_identity(S3Call *call, Txn *txn, const char *account_id, const char **ret_id,
                         const char **ret_name, GError **error);

/* Continuation tokens: opaque to clients. Fault InvalidArgument. */
char *s3_token_new(Arena *arena, const char *text);
bool s3_token_read(S3Call *call, const char *token, const char **ret_text, GError **error);

extern const S3Operation s3_operations[];
extern const size_t s3_n_operations;
