/* The named queries, for store.c alone: record.h has the verbs that run them. */
#pragma once

#include "store/connection.h"

/* Prepares every query of queries.def, so that a wrong one is found when the store opens. */
bool query_prepare_all(Connection *connection, GError **error);
