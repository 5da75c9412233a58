/* What a store and a transaction are made of, for the files of store/ alone. */
#pragma once

#include "store/checkpoint.h"
#include "store/readers.h"
#include "store/writer.h"

struct Store {
    Writer *writer;
    Readers *readers;
    Checkpointer *checkpointer;
};

struct Txn {
    Store *store;
    Connection *connection;
    bool writes;
    uint64_t since; /* of a reading one: what was committed when it began */
    bool doomed;    /* a verb failed with trouble: what is written may be half of something */
};

/* Verbs ask first whether the transaction can still be used, and, with writes, written to. */
bool txn_check(Txn *txn, bool writes, GError **error);

/* Verbs say when a statement failed; doing is what it was for ("read instance"). Returns false. */
bool txn_fail(Txn *txn, const char *doing, const char *table, GError **error);
