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
#define DISK_VENDOR "Cumulet" /* at most 8 bytes; guests know our disks by it */
#define DEVICE_MAX 16
#define SERIAL_MAX 20
#define AGENT_CHANNEL "org.qemu.guest_agent.0"

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

/* Guests make file names of both. */
static bool check_disk(const MachineDisk *disk, GError **error)
{
    const char *serial = disk->serial ? disk->serial : "";
    size_t length = strspn(serial, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_");
    if (serial[length] != '\0' || length > SERIAL_MAX)
        return trouble_set(error, "the serial number \"%s\" is no disk's", serial);
    const char *device = disk->device ? disk->device : "x";
    length = strspn(device, G_CSET_a_2_z G_CSET_DIGITS);
    if (device[length] != '\0' || length == 0 || length > DEVICE_MAX)
        return trouble_set(error, "the device name \"%s\" is no disk's", device);
    return check_text("disk's path", disk->path, error);
}

static bool check_disks(const List *disks, GError **error)
{
    size_t scsi_disks = 0;
    LIST_EACH (const MachineDisk *, disk, disks) {
        scsi_disks += disk->device != NULL;
        if (!check_disk(disk, error))
            return false;
    }
    if (scsi_disks > DOMAIN_DISK_PLACES || disks->n - scsi_disks > 1)
        return trouble_set(error, "a machine cannot have %zu disks, %zu of them to boot from",
                           disks->n, disks->n - scsi_disks);
    return true;
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
    if (!check_disks(&spec->disks, error))
        return false;
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

char *domain_disk_target(unsigned place)
{
    g_assert(place < DOMAIN_DISK_PLACES);
    /* As the kernel counts: sda to sdz, sdaa to sdaz, … */
    char first = place < 26 ? '\0' : (char)('a' + place / 26 - 1);
    char last = (char)('a' + place % 26);
    return first ? g_strdup_printf("sd%c%c", first, last) : g_strdup_printf("sd%c", last);
}

/* Where the disk is on its bus. The place is said, since libvirt would make another controller,
 * thus take a PCI slot, for every seven disks. All are units of one SCSI target: a guest that knows
 * it asks that one what there is, rather than each of 256. */
static void add_place(Element *disk, unsigned place)
{
    char number[16];
    snprintf(number, sizeof(number), "%u", place);
    g_autofree char *target = domain_disk_target(place);
    set(add_with(disk, "target", "dev", target), "bus", "scsi");
    Element *address = add_with(disk, "address", "type", "drive");
    set(address, "controller", "0");
    set(address, "bus", "0");
    set(address, "target", "0");
    set(address, "unit", number);
}

static void describe_disk(Element *element, const MachineDisk *disk, unsigned place)
{
    set(element, "type", "file");
    set(element, "device", "disk");
    Element *driver = add_with(element, "driver", "name", "qemu");
    set(driver, "type", "qcow2");
    /* A guest's fsync must survive the host's power cut, so never "unsafe"; "none" would cost the
     * host's cache of the base image, which all instances of it share. */
    set(driver, "cache", "writeback");
    set(driver, "discard", "unmap");
    add_with(element, "source", "file", disk->path);
    if (disk->device)
        add_place(element, place);
    else
        set(add_with(element, "target", "dev", "vda"), "bus", "virtio");
    if (disk->serial)
        add(element, "serial", disk->serial);
    if (disk->device) {
        add(element, "vendor", DISK_VENDOR);
        add(element, "product", disk->device);
    }
}

static void add_disks(Element *devices, const List *disks)
{
    unsigned place = 0;
    LIST_EACH (const MachineDisk *, disk, disks) {
        describe_disk(add(devices, "disk", NULL), disk, place);
        place += disk->device != NULL;
    }
    /* There whether or not there are disks for it: plugging in a controller later takes a PCI slot
     * that can be plugged into, and a guest that looks. */
    Element *controller = add_with(devices, "controller", "type", "scsi");
    set(controller, "index", "0");
    set(controller, "model", "virtio-scsi");
}

/* Where a guest's agent, if it has one, is asked to freeze the file systems. */
static void add_agent_channel(Element *devices, const MachineSpec *spec,
                              const DomainPlatform *platform)
{
    Element *channel = add_with(devices, "channel", "type", "unix");
    if (platform->agents) {
        g_autofree char *path = g_build_filename(platform->agents, spec->name, NULL);
        set(add_with(channel, "source", "mode", "bind"), "path", path);
    }
    set(add_with(channel, "target", "type", "virtio"), "name", AGENT_CHANNEL);
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
    add_disks(devices, &spec->disks);
    LIST_EACH (const MachineNic *, nic, &spec->nics)
        add_nic(devices, nic);
    if (spec->console_path) {
        Element *serial = add_with(devices, "serial", "type", "file");
        Element *source = add_with(serial, "source", "path", spec->console_path);
        set(source, "append", "on"); /* console_log.h shortens it under QEMU's hands */
    }
    add_agent_channel(devices, spec, platform);
    set(add_with(devices, "controller", "type", "usb"), "model", "none");
    Element *rng = add_with(devices, "rng", "model", "virtio");
    set(add(rng, "backend", "/dev/urandom"), "model", "random");
    add_with(devices, "memballoon", "model", "none");
}

/* Free with g_free. */
static char *text_of(xmlDoc *document)
{
    xmlChar *text = NULL;
    int size = 0;
    xmlDocDumpFormatMemoryEnc(document, &text, &size, "UTF-8", 1);
    g_assert(text);
    char *copy = g_strndup((const char *)text, (size_t)size);
    xmlFree(text);
    return copy;
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

    *ret_xml = text_of(document);
    return true;
}

bool domain_xml_write_disk(const MachineDisk *disk, unsigned place, char **ret_xml, GError **error)
{
    g_assert(disk->device);
    if (!check_disk(disk, error))
        return false;
    g_autoptr(xmlDoc) document = xmlNewDoc(BAD_CAST "1.0");
    Element *element = xmlNewNode(NULL, BAD_CAST "disk");
    xmlDocSetRootElement(document, element);
    describe_disk(element, disk, place);
    *ret_xml = text_of(document);
    return true;
}

/* What becomes of one disk; new_path NULL: nothing. */
static void add_fork(Element *disks, const char *target, const char *new_path)
{
    Element *element = add_with(disks, "disk", "name", target);
    set(element, "snapshot", new_path ? "external" : "no");
    if (!new_path)
        return;
    set(element, "type", "file");
    add_with(element, "driver", "type", "qcow2");
    add_with(element, "source", "file", new_path);
}

bool domain_xml_write_forks(const List *forks, const List *disks, char **ret_xml, GError **error)
{
    g_autoptr(xmlDoc) document = xmlNewDoc(BAD_CAST "1.0");
    Element *snapshot = xmlNewNode(NULL, BAD_CAST "domainsnapshot");
    xmlDocSetRootElement(document, snapshot);
    Element *list = add(snapshot, "disks", NULL);
    LIST_EACH (const DomainDisk *, disk, disks) {
        const char *new_path = NULL;
        LIST_EACH (const DomainFork *, fork, forks) {
            if (strcmp(fork->target, disk->target) == 0)
                new_path = fork->new_path;
        }
        if (!check_text("disk's path", new_path, error))
            return false;
        add_fork(list, disk->target, new_path);
    }
    *ret_xml = text_of(document);
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

static const char *child_text(Arena *arena, Element *parent, const char *name)
{
    Element *child = find_child(parent, name);
    xmlChar *text = child ? xmlNodeGetContent(child) : NULL;
    const char *copy = arena_strdup(arena, (const char *)text);
    xmlFree(text);
    return copy;
}

static DomainDisk *read_disk(Arena *arena, xmlDoc *document, Element *element)
{
    DomainDisk *disk = arena_new_struct(arena, DomainDisk);
    disk->target = child_attribute(arena, element, "target", "dev");
    disk->path = child_attribute(arena, element, "source", "file");
    disk->serial = child_text(arena, element, "serial");
    xmlBuffer *buffer = xmlBufferCreate();
    xmlNodeDump(buffer, document, element, 0, 0);
    disk->xml = arena_strdup(arena, (const char *)xmlBufferContent(buffer));
    xmlBufferFree(buffer);
    return disk;
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
        if (xmlStrEqual(device->name, BAD_CAST "disk")) {
            const DomainDisk *disk = read_disk(arena, document, device);
            if (disk->target)
                list_add(&parts.disks, arena, disk);
        }
    }
    *ret_parts = parts;
    return true;
}
