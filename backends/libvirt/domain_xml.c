/* Domain XML through libxml2's tree.
 *
 * Invariant: no value is ever pasted into XML text. libxml2 escapes; what it cannot represent
 * (control characters, bytes that are no UTF-8) is refused first, by is_xml_text. */
#include "backends/libvirt/domain_xml.h"
#include "base/fault.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <string.h>

/* TCG keeps translated code; without a bound it takes up to 1 GiB a guest. 128 MiB costs no speed,
 * 32 MiB makes a Debian boot fail. */
#define TB_CACHE_MIB "128"
#define VENDOR "Amazon EC2"

typedef xmlNode Element;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)

/* Child element of parent; text NULL: empty. */
static Element *add(Element *parent, const char *name, const char *text)
{
    return xmlNewTextChild(parent, NULL, BAD_CAST name, BAD_CAST text);
}

static void set(Element *element, const char *attribute, const char *value)
{
    xmlNewProp(element, BAD_CAST attribute, BAD_CAST value);
}

/* <name attribute='value'/> */
static Element *add_with(Element *parent, const char *name, const char *attribute,
                         const char *value)
{
    Element *element = add(parent, name, NULL);
    set(element, attribute, value);
    return element;
}

static void add_number(Element *parent, const char *name, const char *unit, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof(text), "%" G_GUINT64_FORMAT, number);
    Element *element = add(parent, name, text);
    if (unit)
        set(element, "unit", unit);
}

static bool is_xml_text(const char *text)
{
    if (!g_utf8_validate(text, -1, NULL))
        return false;
    for (const char *c = text; *c; c = g_utf8_next_char(c)) {
        gunichar code = g_utf8_get_char(c);
        bool control = code < 0x20 && code != '\t' && code != '\n';
        if (control || code == 0x7f || code == 0xfffe || code == 0xffff)
            return false;
    }
    return true;
}

static bool check_text(const char *what, const char *text, GError **error)
{
    if (!text || is_xml_text(text))
        return true;
    return trouble_set(error, "the %s has characters that libvirt cannot be told", what);
}

static bool check_spec(const MachineSpec *spec, GError **error)
{
    const struct {
        const char *what, *text;
    } texts[] = {
        {"name", spec->name},
        {"UUID", spec->uuid},
        {"instance type", spec->type},
        {"kernel's path", spec->kernel},
        {"ramdisk's path", spec->ramdisk},
        {"kernel arguments", spec->kernel_arguments},
        {"console's path", spec->console_path},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        if (!check_text(texts[i].what, texts[i].text, error))
            return false;
    }
    LIST_EACH (const MachineDisk *, disk, &spec->disks) {
        if (!check_text("disk's path", disk->path, error) ||
            !check_text("disk's device", disk->target, error) ||
            !check_text("disk's serial", disk->serial, error))
            return false;
    }
    LIST_EACH (const MachineNic *, nic, &spec->nics) {
        if (!check_text("interface's tap", nic->tap, error) ||
            !check_text("interface's MAC", nic->mac, error))
            return false;
    }
    /* Backends with machines of other programs' know theirs by it: see events.h. */
    if (!g_str_has_prefix(spec->uuid, "ec2"))
        return trouble_set(error, "the UUID %s of %s does not begin with ec2", spec->uuid,
                           spec->name);
    return true;
}

static void add_entry(Element *parent, const char *name, const char *value)
{
    set(add(parent, "entry", value), "name", name);
}

/* What a guest reads in /sys/class/dmi/id: cloud-init, ec2-metadata and others know EC2 by it. */
static void add_smbios(Element *domain, const MachineSpec *spec)
{
    Element *sysinfo = add_with(domain, "sysinfo", "type", "smbios");
    Element *bios = add(sysinfo, "bios", NULL);
    add_entry(bios, "vendor", VENDOR);
    add_entry(bios, "version", "1.0");
    Element *system = add(sysinfo, "system", NULL);
    add_entry(system, "manufacturer", VENDOR);
    add_entry(system, "product", spec->type);
    add_entry(system, "serial", spec->uuid);
    add_entry(system, "uuid", spec->uuid);
    Element *board = add(sysinfo, "baseBoard", NULL);
    add_entry(board, "manufacturer", VENDOR);
    add_entry(board, "asset", spec->name);
    Element *chassis = add(sysinfo, "chassis", NULL);
    add_entry(chassis, "manufacturer", VENDOR);
    add_entry(chassis, "asset", spec->name);
}

static void add_boot(Element *domain, const MachineSpec *spec)
{
    Element *os = add(domain, "os", NULL);
    Element *type = add(os, "type", "hvm");
    set(type, "arch", "x86_64");
    set(type, "machine", "q35");
    if (spec->kernel) {
        add(os, "kernel", spec->kernel);
        if (spec->ramdisk)
            add(os, "initrd", spec->ramdisk);
        if (spec->kernel_arguments)
            add(os, "cmdline", spec->kernel_arguments);
    } else {
        add_with(os, "boot", "dev", "hd");
    }
    add_with(os, "smbios", "mode", "sysinfo");
}

static void add_processor(Element *domain, const MachineSpec *spec, const DomainPlatform *platform)
{
    Element *features = add(domain, "features", NULL);
    add(features, "acpi", NULL);
    add(features, "apic", NULL);
    if (!platform->kvm) {
        Element *tcg = add(features, "tcg", NULL);
        set(add(tcg, "tb-cache", TB_CACHE_MIB), "unit", "MiB");
    }

    Element *cpu = add_with(domain, "cpu", "mode", platform->kvm ? "host-passthrough" : "maximum");
    /* One socket with cores: some guests count sockets against a limit. */
    char cores[16];
    snprintf(cores, sizeof(cores), "%u", spec->vcpus);
    Element *topology = add_with(cpu, "topology", "sockets", "1");
    set(topology, "cores", cores);
    set(topology, "threads", "1");

    Element *clock = add_with(domain, "clock", "offset", "utc");
    set(add_with(clock, "timer", "name", "hpet"), "present", "no");
}

static void add_disk(Element *devices, const MachineDisk *disk)
{
    Element *element = add_with(devices, "disk", "type", "file");
    set(element, "device", "disk");
    Element *driver = add_with(element, "driver", "name", "qemu");
    set(driver, "type", "qcow2");
    /* A guest's fsync must survive the host's power cut, so never "unsafe"; "none" would cost the
     * host's cache of the base image, which all instances of it share. */
    set(driver, "cache", "writeback");
    set(driver, "discard", "unmap");
    add_with(element, "source", "file", disk->path);
    set(add_with(element, "target", "dev", disk->target), "bus", "virtio");
    if (disk->serial)
        add(element, "serial", disk->serial);
}

static void add_nic(Element *devices, const MachineNic *nic)
{
    Element *element = add_with(devices, "interface", "type", "ethernet");
    add_with(element, "mac", "address", nic->mac);
    /* The tap is there already; libvirt only opens it. */
    set(add_with(element, "target", "dev", nic->tap), "managed", "no");
    add_with(element, "model", "type", "virtio");
    add_with(element, "driver", "name", "qemu"); /* an ordinary user has no vhost-net */
    add_with(element, "rom", "enabled", "no");   /* nothing boots from the network: saves iPXE */
}

static void add_devices(Element *domain, const MachineSpec *spec, const DomainPlatform *platform)
{
    Element *devices = add(domain, "devices", NULL);
    if (platform->emulator)
        add(devices, "emulator", platform->emulator);
    LIST_EACH (const MachineDisk *, disk, &spec->disks)
        add_disk(devices, disk);
    LIST_EACH (const MachineNic *, nic, &spec->nics)
        add_nic(devices, nic);
    if (spec->console_path) {
        Element *serial = add_with(devices, "serial", "type", "file");
        Element *source = add_with(serial, "source", "path", spec->console_path);
        set(source, "append", "on"); /* console_log.h shortens it under QEMU's hands */
    }
    set(add_with(devices, "controller", "type", "usb"), "model", "none");
    Element *rng = add_with(devices, "rng", "model", "virtio");
    set(add(rng, "backend", "/dev/urandom"), "model", "random");
    add_with(devices, "memballoon", "model", "none");
}

bool domain_xml_write(const MachineSpec *spec, const DomainPlatform *platform, char **ret_xml,
                      GError **error)
{
    if (!check_spec(spec, error))
        return false;

    g_autoptr(xmlDoc) document = xmlNewDoc(BAD_CAST "1.0");
    Element *domain = xmlNewNode(NULL, BAD_CAST "domain");
    xmlDocSetRootElement(document, domain);
    set(domain, "type", platform->kvm ? "kvm" : "qemu");
    add(domain, "name", spec->name);
    add(domain, "uuid", spec->uuid);
    add_number(domain, "memory", "MiB", spec->memory_mib);
    add_number(domain, "vcpu", NULL, spec->vcpus);
    add_smbios(domain, spec);
    add_boot(domain, spec);
    add_processor(domain, spec, platform);
    add(domain, "on_poweroff", "destroy");
    add(domain, "on_reboot", "restart");
    add(domain, "on_crash", "destroy");
    Element *power = add(domain, "pm", NULL);
    add_with(power, "suspend-to-mem", "enabled", "no");
    add_with(power, "suspend-to-disk", "enabled", "no");
    add_devices(domain, spec, platform);

    xmlChar *text = NULL;
    int size = 0;
    xmlDocDumpFormatMemoryEnc(document, &text, &size, "UTF-8", 1);
    g_assert(text);
    *ret_xml = g_strndup((const char *)text, (size_t)size);
    xmlFree(text);
    return true;
}

static Element *find_child(Element *parent, const char *name)
{
    for (Element *child = parent ? parent->children : NULL; child; child = child->next) {
        if (child->type == XML_ELEMENT_NODE && xmlStrEqual(child->name, BAD_CAST name))
            return child;
    }
    return NULL;
}

/* The attribute of parent's child of that name, or NULL. */
static const char *child_attribute(Arena *arena, Element *parent, const char *name,
                                   const char *attribute)
{
    Element *child = find_child(parent, name);
    xmlChar *value = child ? xmlGetProp(child, BAD_CAST attribute) : NULL;
    const char *copy = arena_strdup(arena, (const char *)value);
    xmlFree(value);
    return copy;
}

bool domain_xml_read(const char *xml, Arena *arena, DomainParts *ret_parts, GError **error)
{
    int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING;
    g_autoptr(xmlDoc) document = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL, options);
    Element *devices = find_child(document ? xmlDocGetRootElement(document) : NULL, "devices");
    if (!devices)
        return trouble_set(error, "libvirt described a machine in no form that is known");

    DomainParts parts = {0};
    for (Element *device = devices->children; device; device = device->next) {
        if (device->type != XML_ELEMENT_NODE)
            continue;
        if (xmlStrEqual(device->name, BAD_CAST "serial") && !parts.console_path)
            parts.console_path = child_attribute(arena, device, "source", "path");
        if (xmlStrEqual(device->name, BAD_CAST "interface")) {
            const char *tap = child_attribute(arena, device, "target", "dev");
            if (tap)
                list_add(&parts.taps, arena, tap);
        }
    }
    *ret_parts = parts;
    return true;
}
