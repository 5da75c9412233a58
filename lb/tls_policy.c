/* Security policies of classic ELB.
 *
 * They hold names of ciphers that no OpenSSL has had for years (export ciphers, Kerberos, RC4): a
 * policy is what the user reads and writes, and what cannot be negotiated is simply never chosen.
 * The order is that of the AWS documentation, which counts where the server's order does. */
#include "lb/tls.h"

#include <string.h>

/* Prefixes that policies share. */
#define GCM_AND_SHA2_ECDHE_128                                                                     \
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256",   \
        "ECDHE-RSA-AES128-SHA256"
#define GCM_AND_SHA2_ECDHE_256                                                                     \
    "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES256-SHA384",   \
        "ECDHE-RSA-AES256-SHA384"
#define SINCE_2016                                                                                 \
    GCM_AND_SHA2_ECDHE_128, "ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA",                      \
        GCM_AND_SHA2_ECDHE_256, "ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES256-SHA",                  \
        "AES128-GCM-SHA256", "AES128-SHA256", "AES128-SHA", "AES256-GCM-SHA384", "AES256-SHA256",  \
        "AES256-SHA"

static const char *const only_tls_1_2[] = {GCM_AND_SHA2_ECDHE_128,
                                           GCM_AND_SHA2_ECDHE_256,
                                           "AES128-GCM-SHA256",
                                           "AES128-SHA256",
                                           "AES256-GCM-SHA384",
                                           "AES256-SHA256",
                                           NULL};
static const char *const since_2016[] = {SINCE_2016, NULL};
static const char *const of_2015_05[] = {SINCE_2016, "DES-CBC3-SHA", NULL};
static const char *const of_2015_03[] = {SINCE_2016, "DHE-RSA-AES128-SHA", "DHE-DSS-AES128-SHA",
                                         "DES-CBC3-SHA", NULL};
static const char *const of_2015_02[] = {SINCE_2016, "DHE-RSA-AES128-SHA", "DHE-DSS-AES128-SHA",
                                         NULL};
static const char *const of_2014[] = {
    SINCE_2016, "DHE-RSA-AES128-SHA", "DHE-DSS-AES128-SHA", "ECDHE-RSA-RC4-SHA", "RC4-SHA", NULL};
static const char *const of_2011[] = {
    "DHE-RSA-AES128-SHA", "AES128-SHA",      "AES256-SHA",
    "DHE-DSS-AES128-SHA", "CAMELLIA128-SHA", "EDH-RSA-DES-CBC3-SHA",
    "DES-CBC3-SHA",       "RC4-SHA",         NULL};

enum { TLS_UP_TO_1_2 = TLS_1_0 | TLS_1_1 | TLS_1_2 };

static const TlsPolicy policies[] = {
    {"ELBSecurityPolicy-2016-08", TLS_UP_TO_1_2, true, since_2016},
    {"ELBSecurityPolicy-TLS-1-2-2017-01", TLS_1_2, true, only_tls_1_2},
    {"ELBSecurityPolicy-TLS-1-1-2017-01", TLS_1_1 | TLS_1_2, true, since_2016},
    {"ELBSecurityPolicy-2015-05", TLS_UP_TO_1_2, true, of_2015_05},
    {"ELBSecurityPolicy-2015-03", TLS_UP_TO_1_2, true, of_2015_03},
    {"ELBSecurityPolicy-2015-02", TLS_UP_TO_1_2, true, of_2015_02},
    {"ELBSecurityPolicy-2014-10", TLS_UP_TO_1_2, true, of_2014},
    {"ELBSecurityPolicy-2014-01", TLS_SSL_3 | TLS_UP_TO_1_2, true, of_2014},
    {"ELBSecurityPolicy-2011-08", TLS_SSL_3 | TLS_1_0, false, of_2011},
    {0},
};

/* "SSL negotiation configurations for Classic Load Balancers", section "SSL ciphers". */
static const char *const known_ciphers[] = {
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES128-SHA256",
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
    "DHE-RSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-RSA-AES256-SHA384",
    "ECDHE-RSA-AES256-SHA",
    "ECDHE-ECDSA-AES256-SHA",
    "AES128-GCM-SHA256",
    "AES128-SHA256",
    "AES128-SHA",
    "AES256-GCM-SHA384",
    "AES256-SHA256",
    "AES256-SHA",
    "DHE-DSS-AES128-SHA",
    "CAMELLIA128-SHA",
    "EDH-RSA-DES-CBC3-SHA",
    "DES-CBC3-SHA",
    "ECDHE-RSA-RC4-SHA",
    "RC4-SHA",
    "ECDHE-ECDSA-RC4-SHA",
    "DHE-DSS-AES256-GCM-SHA384",
    "DHE-RSA-AES256-GCM-SHA384",
    "DHE-RSA-AES256-SHA256",
    "DHE-DSS-AES256-SHA256",
    "DHE-RSA-AES256-SHA",
    "DHE-DSS-AES256-SHA",
    "DHE-RSA-CAMELLIA256-SHA",
    "DHE-DSS-CAMELLIA256-SHA",
    "CAMELLIA256-SHA",
    "EDH-DSS-DES-CBC3-SHA",
    "DHE-DSS-AES128-GCM-SHA256",
    "DHE-RSA-AES128-GCM-SHA256",
    "DHE-RSA-AES128-SHA256",
    "DHE-DSS-AES128-SHA256",
    "DHE-RSA-CAMELLIA128-SHA",
    "DHE-DSS-CAMELLIA128-SHA",
    "ADH-AES128-GCM-SHA256",
    "ADH-AES128-SHA",
    "ADH-AES128-SHA256",
    "ADH-AES256-GCM-SHA384",
    "ADH-AES256-SHA",
    "ADH-AES256-SHA256",
    "ADH-CAMELLIA128-SHA",
    "ADH-CAMELLIA256-SHA",
    "ADH-DES-CBC3-SHA",
    "ADH-DES-CBC-SHA",
    "ADH-RC4-MD5",
    "ADH-SEED-SHA",
    "DES-CBC-SHA",
    "DHE-DSS-SEED-SHA",
    "DHE-RSA-SEED-SHA",
    "EDH-DSS-DES-CBC-SHA",
    "EDH-RSA-DES-CBC-SHA",
    "IDEA-CBC-SHA",
    "RC4-MD5",
    "SEED-SHA",
    "DES-CBC3-MD5",
    "DES-CBC-MD5",
    "RC2-CBC-MD5",
    "PSK-AES256-CBC-SHA",
    "PSK-3DES-EDE-CBC-SHA",
    "KRB5-DES-CBC3-SHA",
    "KRB5-DES-CBC3-MD5",
    "PSK-AES128-CBC-SHA",
    "PSK-RC4-SHA",
    "KRB5-RC4-SHA",
    "KRB5-RC4-MD5",
    "KRB5-DES-CBC-SHA",
    "KRB5-DES-CBC-MD5",
    "EXP-EDH-RSA-DES-CBC-SHA",
    "EXP-EDH-DSS-DES-CBC-SHA",
    "EXP-ADH-DES-CBC-SHA",
    "EXP-DES-CBC-SHA",
    "EXP-RC2-CBC-MD5",
    "EXP-KRB5-RC2-CBC-SHA",
    "EXP-KRB5-DES-CBC-SHA",
    "EXP-KRB5-RC2-CBC-MD5",
    "EXP-KRB5-DES-CBC-MD5",
    "EXP-ADH-RC4-MD5",
    "EXP-RC4-MD5",
    "EXP-KRB5-RC4-SHA",
    "EXP-KRB5-RC4-MD5",
    NULL,
};

static const TlsPolicy modern = {"modern", TLS_1_2 | TLS_1_3, false, NULL};

const TlsPolicy *tls_policies(void)
{
    return policies;
}

const TlsPolicy *tls_policy_find(const char *name)
{
    for (const TlsPolicy *policy = policies; policy->name; policy++) {
        if (strcmp(policy->name, name) == 0)
            return policy;
    }
    return NULL;
}

const TlsPolicy *tls_policy_default(void)
{
    return &policies[0];
}

const TlsPolicy *tls_policy_modern(void)
{
    return &modern;
}

const char *const *tls_policy_ciphers(void)
{
    return known_ciphers;
}
