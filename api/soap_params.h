/* The body of a SOAP request as the parameters of a Query:
 * <imagesSet><item><imageId>ami-1</imageId> becomes ImageId.1=ami-1. Led by the request's shape
 * (api/shape.h); a table tells only where the WSDL's names differ from Query's by more than their
 * first letter. */
#pragma once

#include "api/query.h"
#include "api/shape.h"
#include <libxml/tree.h>

/* Stands in a shape (NULL: in any) an element of that name, then it is the member `name` (NULL: it
 * is passed over). item: the text is that of a child of this name, one in each <item> of a list,
 * or, for a member that is one text, in the element itself. */
typedef struct SoapName {
    const char *shape, *element, *item, *name;
} SoapName;

/* What a service's WSDLs say. */
typedef struct SoapNames {
    const char *since, *until; /* the versions of the API that have SOAP */
    const SoapName *rows;
    size_t n;
} SoapNames;

/* Adds the parameters of what is in an element, copied into the arena; elements come in its
 * namespace. Faults UnknownParameter, MalformedXML. */
bool soap_params(Arena *arena, const SoapNames *names, const Shape *shape, const char *version,
                 const xmlNode *operation, Params *params, GError **error);
