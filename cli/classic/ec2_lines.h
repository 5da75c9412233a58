/* What several of EC2's tools print. */
#pragma once

#include "cli/classic/form.h"

/* Of actions that are younger than the tools. */
#define EC2_LATEST "2016-11-15"

/* The console: the instance, the time, and the text as it is. */
void ec2_print_console(const Form *form, const Element *result);
/* "attribute  resource  value" of what a modify command was asked to change. */
void ec2_print_changes(const Form *form, const Element *result);
/* A key pair and its private key. */
void ec2_print_key_pair(const Form *form, const Element *result);
/* A line for each tag of each resource of the request. */
void ec2_print_tags(const Form *form, const Element *result);
/* The group of the request and the rules that were asked for. */
void ec2_print_permissions(const Form *form, const Element *result);
