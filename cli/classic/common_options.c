/* The options that all tools of a family have. */
#include "cli/classic/arguments.h"

#define TEXT_OF(member) .text = offsetof(Common, member) + 1
#define NUMBER_OF(member) .number = offsetof(Common, member) + 1
#define FLAG_OF(member) .flag = offsetof(Common, member) + 1

#define ALL "ec2 elb as mon"
#define QUERY "elb as mon"

const CommonOption common_options[] = {
    {"U url", ALL, "the service's address, in the place of the environment's", TEXT_OF(url)},
    {"region", ALL, "the region that requests are signed for", TEXT_OF(region)},
    {"O aws-access-key", "ec2", "access key id", TEXT_OF(access_key)},
    {"W aws-secret-key", "ec2", "secret access key", TEXT_OF(secret_key)},
    {"T security-token", "ec2", "token of temporary credentials", TEXT_OF(security_token)},
    {"K private-key", "ec2", "file of the X.509 private key", TEXT_OF(private_key)},
    {"C cert", "ec2", "file of the X.509 certificate", TEXT_OF(certificate)},
    {"I access-key-id", QUERY, "access key id", TEXT_OF(access_key)},
    {"S secret-key", QUERY, "secret access key", TEXT_OF(secret_key)},
    {"delegation-token", QUERY, "token of temporary credentials", TEXT_OF(security_token)},
    {"aws-credential-file", QUERY,
     "file with AWSAccessKeyId= and AWSSecretKey=", TEXT_OF(credential_file)},
    {"K ec2-private-key-file-path", QUERY, "file of the X.509 private key", TEXT_OF(private_key)},
    {"C ec2-cert-file-path", QUERY, "file of the X.509 certificate", TEXT_OF(certificate)},
    {"connection-timeout", ALL, "seconds to wait for a connection", NUMBER_OF(connect_timeout_ms)},
    {"request-timeout", "ec2", "seconds to wait for an answer", NUMBER_OF(answer_timeout_ms)},
    {"H headers", ALL, "show the columns' titles", FLAG_OF(headers)},
    {"show-empty-fields", ALL, "show what is empty as (nil)", FLAG_OF(show_empty)},
    {"empty-fields", QUERY, "the same", FLAG_OF(show_empty)},
    {"hide-tags", "ec2", "leave tags out", FLAG_OF(hide_tags)},
    {"v verbose", "ec2", "show the request and its answer", FLAG_OF(verbose)},
    {"debug", ALL, "show the conversation on standard error", FLAG_OF(debug)},
    {"show-long", QUERY, "all columns, separated by commas", FLAG_OF(show_long)},
    {"show-table", QUERY, "in columns (as without it)", FLAG_OF(show_table)},
    {"show-xml", QUERY, "the answer as it came", FLAG_OF(show_xml)},
    {"show-request", QUERY, "the address and body of the request", FLAG_OF(show_request)},
    {"quiet", QUERY, "no lines", FLAG_OF(quiet)},
    {"delimiter", QUERY, "what separates columns with --show-long", TEXT_OF(delimiter)},
    {"max-records", QUERY, "no more than that", TEXT_OF(max_records)},
    {"max-results", "ec2", "no more than that", TEXT_OF(max_records)},
    {"f force", "elb as mon", "ask nothing", FLAG_OF(force)},
    {"h help", ALL, "this", FLAG_OF(help)},
    {"?", ALL, "this", FLAG_OF(help)},
    {NULL},
};
