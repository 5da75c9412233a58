/* The types of policies: what each may say, and what the TLS ones mean. Private to cloud/. */
#pragma once

#include "cloud/balancers.h"
#include "lb/tls.h"

#define POLICY_APP_COOKIE "AppCookieStickinessPolicyType"
#define POLICY_LB_COOKIE "LBCookieStickinessPolicyType"
#define POLICY_SSL_NEGOTIATION "SSLNegotiationPolicyType"
#define POLICY_PUBLIC_KEY "PublicKeyPolicyType"
#define POLICY_BACKEND_AUTHENTICATION "BackendServerAuthenticationPolicyType"
#define POLICY_PROXY_PROTOCOL "ProxyProtocolPolicyType"

/* Attributes. */
#define POLICY_REFERENCE "Reference-Security-Policy"

/* Whether a policy of the type may have the attributes (BalancerPolicyAttribute *). Faults:
 * PolicyTypeNotFound, InvalidConfigurationRequest. */
bool policy_check(const char *type, const List *attributes, GError **error);

/* The first value of an attribute; NULL: it has none. */
const char *policy_value(const BalancerPolicyView *policy, const char *attribute);

/* The policy as replies show it: a TLS one with every protocol and cipher. */
const BalancerPolicyView *policy_shown(Arena *arena, const BalancerPolicyView *policy);
/* The predefined TLS policies, BalancerPolicyView *. */
void policy_samples(Arena *arena, List *ret_policies);

/* What a TLS policy negotiates, in the arena. */
const TlsPolicy *policy_tls(Arena *arena, const BalancerPolicyView *policy);
