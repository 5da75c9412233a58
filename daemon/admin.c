/* `cumulet status` as JSON. */
#include "daemon/admin.h"

#include "base/fault.h"
#include "cloud/accounts.h"
#include "cloud/addresses.h"
#include "cloud/balancers.h"
#include "cloud/certificates.h"
#include "cloud/fast_clock.h"
#include "cloud/iam.h"
#include "cloud/image_import.h"
#include "cloud/images.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static json_t *instance_json(Cloud *cloud, Arena *arena, const Instance *instance, const char *name)
{
    char launch[CLOCK_TEXT_SIZE];
    const char *public_dns = instance->public_ip ? address_public_name(arena, instance->public_ip,
                                                                       cloud_dns_suffix(cloud))
                                                 : NULL;
    return json_pack(
        "{s:s, s:s, s:s, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:s, s:s}", "id", instance->id,
        "state", state_name(&instance_machine, instance->state), "type", instance->type, "image_id",
        instance->image_id, "key_name", instance->key_name, "zone", instance->zone, "private_ip",
        instance->private_ip, "public_ip", instance->public_ip, "public_dns", public_dns, "name",
        name, "launch_time", clock_format(instance->launch_time, launch), "console",
        arena_printf(arena, "%s/instances/%s/console.log", cloud_state_dir(cloud), instance->id));
}

static json_t *balancer_json(Arena *arena, const BalancerStatus *status)
{
    const Balancer *balancer = status->view->balancer;
    json_t *listeners = json_array(), *instances = json_array();
    unsigned in_service = 0;
    LIST_EACH (const BalancerListener *, listener, &status->view->listeners)
        json_array_append_new(listeners,
                              json_pack("{s:i, s:s, s:I, s:s, s:s*}", "port", atoi(listener->port),
                                        "protocol", listener->protocol, "instance_port",
                                        (json_int_t)listener->instance_port, "instance_protocol",
                                        listener->instance_protocol, "problem", listener->failure));
    LIST_EACH (const InstanceHealth *, health, &status->healths) {
        json_array_append_new(instances,
                              json_pack("{s:s, s:s, s:s}", "id", health->instance_id, "state",
                                        health->state, "description", health->description));
        in_service += strcmp(health->state, "InService") == 0;
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "name", balancer->name, "dns_name",
                     status->view->dns_name, "address", balancer->address, "in_service",
                     arena_printf(arena, "%u of %zu", in_service, status->healths.n), "listeners",
                     listeners, "instances", instances);
}

/* A listener that is not open is a problem that somebody should see to. */
static void add_problems(const BalancerStatus *status, json_t *problems)
{
    const Balancer *balancer = status->view->balancer;
    LIST_EACH (const BalancerListener *, listener, &status->view->listeners) {
        if (listener->failure)
            json_array_append_new(problems,
                                  json_sprintf("load balancer %s cannot listen on %s port %d: %s",
                                               balancer->name, balancer->address,
                                               atoi(listener->port), listener->failure));
    }
}

static json_t *lists_json(const Admin *admin, Arena *arena, const CloudStatus *status,
                          unsigned *ret_used)
{
    json_t *instances = json_array(), *images = json_array();
    json_t *balancers = json_array(), *problems = json_array();
    *ret_used = 0;
    for (size_t i = 0; i < status->instances.n; i++) {
        const Instance *instance = list_at(&status->instances, i);
        json_array_append_new(
            instances, instance_json(admin->cloud, arena, instance, list_at(&status->names, i)));
        *ret_used += instance->public_ip != NULL;
    }
    LIST_EACH (const Image *, image, &status->images)
        json_array_append_new(images, json_pack("{s:s, s:s*, s:s}", "id", image->id, "name",
                                                image->name, "kind", image->kind));
    LIST_EACH (const BalancerStatus *, balancer, &status->balancers) {
        json_array_append_new(balancers, balancer_json(arena, balancer));
        add_problems(balancer, problems);
    }
    *ret_used += (unsigned)status->balancers.n;
    return json_pack("{s:o, s:o, s:o, s:o}", "instances", instances, "images", images,
                     "load_balancers", balancers, "problems", problems);
}

/* Takes the object. */
static bool tell(Arena *arena, json_t *object, const char **ret_json, GError **error)
{
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (!text)
        return trouble_set(error, "cannot build the answer");
    *ret_json = arena_strdup(arena, text);
    free(text);
    return true;
}

/* ---- the fast clock ---- */

static json_t *clock_object(Cloud *cloud)
{
    double ahead = (double)(fast_now(cloud) - cloud_now(cloud)) / (double)CLOCK_SECOND;
    return json_pack("{s:f, s:f}", "speed", fast_clock_speed(cloud), "ahead_seconds",
                     MAX(ahead, 0));
}

static bool clock_json(void *data, Arena *arena, double speed, const char **ret_json,
                       GError **error)
{
    const Admin *admin = data;
    if (speed > 0 && !(speed >= FAST_CLOCK_SLOWEST && speed <= FAST_CLOCK_FASTEST))
        return fault_set(error, FAULT_VALIDATION_ERROR,
                         "The clock's speed is a factor from %g to %g", FAST_CLOCK_SLOWEST,
                         FAST_CLOCK_FASTEST);
    if (speed > 0 && !fast_clock_set_speed(admin->cloud, speed, error))
        return false;
    return tell(arena, clock_object(admin->cloud), ret_json, error);
}

/* ---- load of machines that run nothing ---- */

static bool set_load(void *data, const char *instance_id, double percent, GError **error)
{
    const Admin *admin = data;
    if (!admin->fake)
        return fault_set(error, FAULT_UNSUPPORTED_OPERATION,
                         "Real machines are as busy as they are: only those of the fake back end "
                         "can be told");
    return fake_set_load(cloud_hypervisor(admin->cloud), instance_id, percent) ||
           fault_set(error, FAULT_INVALID_INSTANCE_ID_NOT_FOUND, "No machine of %.50s runs",
                     instance_id);
}

/* Where names are answered, if anywhere, and whose. The first domain is that of public names. */
static json_t *dns_json(const Admin *admin)
{
    json_t *dns =
        json_pack("{s:[s, s]}", "domains", cloud_dns_suffix(admin->cloud), PRIVATE_DOMAIN);
    if (admin->dns_address)
        json_object_update_new(
            dns, json_pack("{s:s, s:i}", "address", admin->dns_address, "port", admin->dns_port));
    return dns;
}

static bool status_json(void *data, Arena *arena, const char **ret_json, GError **error)
{
    const Admin *admin = data;
    CloudStatus status;
    if (!cloud_status(admin->cloud, arena, admin->account_id, &status, error))
        return false;
    unsigned used;
    json_t *root = lists_json(admin, arena, &status, &used);
    json_t *facts = json_pack(
        "{s:s, s:i, s:s, s:s, s:s, s:s, s:I,"
        " s:{s:s, s:s, s:s*, s:s*, s:i, s:I, s:I, s:I},"
        " s:{s:s, s:s*, s:s*, s:s}, s:{s:s, s:i}}",
        "version", CUMULET_VERSION, "pid", (int)getpid(), "endpoint", admin->endpoint, "region",
        admin->region, "account_id", admin->account_id, "state_dir", cloud_state_dir(admin->cloud),
        "uptime_seconds", (json_int_t)((g_get_monotonic_time() - admin->started) / G_USEC_PER_SEC),
        "backend", "name", status.hypervisor.backend, "accelerator", status.hypervisor.accelerator,
        "reason", status.hypervisor.reason, "uri", status.hypervisor.uri, "cpus",
        (int)status.hypervisor.cpus, "memory_mib", (json_int_t)status.hypervisor.memory_mib,
        "memory_used_mib", (json_int_t)status.memory_used_mib, "memory_limit_mib",
        (json_int_t)status.memory_limit_mib, "network", "backend", status.network.backend, "router",
        status.network.router, "way_out", status.network.way_out, "privileges", admin->privileges,
        "addresses", "pool", status.addresses, "used", (int)used);
    json_object_set_new(facts, "clock", clock_object(admin->cloud));
    json_object_set_new(facts, "dns", dns_json(admin));
    bool ok = root && facts && json_object_update(facts, root) == 0;
    json_decref(root);
    if (!ok)
        json_decref(facts);
    return tell(arena, ok ? facts : NULL, ret_json, error);
}

/* ---- accounts ---- */

static json_t *account_json(const Account *account)
{
    return json_pack("{s:s, s:s, s:s}", "id", account->id, "name", account->name, "canonical_id",
                     account->canonical_id);
}

static bool accounts_json(void *data, Arena *arena, const char **ret_json, GError **error)
{
    const Admin *admin = data;
    List accounts = {0};
    if (!accounts_list(admin->cloud, arena, &accounts, error))
        return false;
    json_t *array = json_array();
    LIST_EACH (const Account *, account, &accounts)
        json_array_append_new(array, account_json(account));
    return tell(arena, json_pack("{s:o}", "accounts", array), ret_json, error);
}

/* EC2's first: when a new cloud's is still being made, nothing is registered before it is there. */
static bool add_certificate(Cloud *cloud, Arena *arena, const Account *account, json_t *object,
                            GError **error)
{
    const char *id;
    X509Pair pair;
    Ec2Key ec2;
    if (!certificates_ec2(cloud, arena, &ec2, error) ||
        !certificates_make(cloud, arena, account->id, &id, &pair, error))
        return false;
    json_object_set_new(object, "certificate_id", json_string(id));
    json_object_set_new(object, "private_key", json_string(pair.private_key_pem));
    json_object_set_new(object, "certificate", json_string(pair.certificate_pem));
    json_object_set_new(object, "ec2_certificate", json_string(ec2.certificate_pem));
    return true;
}

static bool create_account(void *data, Arena *arena, const char *name, bool certificate,
                           const char **ret_json, GError **error)
{
    const Admin *admin = data;
    Account *account;
    AccessKey *key;
    if (!account_create(admin->cloud, arena, name, &account, &key, error))
        return false;
    json_t *object = account_json(account);
    json_object_set_new(object, "access_key_id", json_string(key->id));
    json_object_set_new(object, "secret_access_key", json_string(key->secret));
    if (certificate && !add_certificate(admin->cloud, arena, account, object, error)) {
        json_decref(object);
        return false;
    }
    return tell(arena, object, ret_json, error);
}

static bool refresh_images(void *data, Arena *arena, const char **ret_json, GError **error)
{
    const Admin *admin = data;
    List images = {0};
    if (!images_refresh(admin->cloud, arena, &images, error))
        return false;
    json_t *array = json_array();
    LIST_EACH (const Image *, image, &images)
        json_array_append_new(array, json_pack("{s:s, s:s}", "id", image->id, "name", image->name));
    return tell(arena, json_pack("{s:o}", "images", array), ret_json, error);
}

static bool import_image(void *data, Arena *arena, const AdminImport *import, const char **ret_json,
                         GError **error)
{
    const Admin *admin = data;
    Context context = {
        .cloud = admin->cloud,
        .arena = arena,
        .caller = {.account_id = admin->account_id},
        .region = admin->region,
    };
    const ImageImport wanted = {
        .file = import->file,
        .name = import->name,
        .description = import->description,
        .architecture = import->architecture,
    };
    const char *id;
    if (!image_import(&context, &wanted, &id, error))
        return false;
    return tell(arena, json_pack("{s:s*, s:s}", "id", id, "name", import->name), ret_json, error);
}

/* ---- certificates ---- */

static json_t *certificate_json(const RootCertificate *certificate)
{
    return json_pack("{s:s, s:s, s:s*, s:s*}", "id", certificate->record->id, "status",
                     certificate->record->active ? "Active" : "Inactive", "private_key",
                     certificate->private_key_path, "certificate", certificate->certificate_path);
}

static bool certificates_json(void *data, Arena *arena, bool replace, const char **ret_json,
                              GError **error)
{
    const Admin *admin = data;
    List certificates = {0};
    if ((replace && !certificates_replace(admin->cloud, arena, error)) ||
        !certificates_list(admin->cloud, arena, &certificates, error))
        return false;
    json_t *array = json_array();
    LIST_EACH (const RootCertificate *, certificate, &certificates)
        json_array_append_new(array, certificate_json(certificate));
    return tell(arena,
                json_pack("{s:o, s:s}", "certificates", array, "ec2_certificate",
                          certificates_ec2_file(admin->cloud, arena)),
                ret_json, error);
}

static bool access_key_json(void *data, Arena *arena, const CertificateLogin *login,
                            const char **ret_json, GError **error)
{
    const Admin *admin = data;
    const AccessKey *key;
    return certificate_login(admin->logins, arena, login, &key, error) &&
           tell(arena,
                json_pack("{s:s, s:s}", "access_key_id", key->id, "secret_access_key", key->secret),
                ret_json, error);
}

static bool reset(void *data, GError **error)
{
    const Admin *admin = data;
    if (!cloud_reset(admin->cloud, error))
        return false;
    blobs_sweep(admin->blobs);
    return true;
}

AdminHooks admin_hooks(Admin *admin, bool allow_reset)
{
    return (AdminHooks){
        .status_json = status_json,
        .reset = reset,
        .data = admin,
        .allow_reset = allow_reset,
        .account_id = admin->account_id,
        .accounts_json = accounts_json,
        .create_account = create_account,
        .refresh_images = refresh_images,
        .import_image = import_image,
        .clock_json = clock_json,
        .set_load = set_load,
        .certificates_json = certificates_json,
        .access_key_json = access_key_json,
    };
}
