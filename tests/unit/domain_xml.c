/* backends/libvirt: what libvirt is told of a machine, and the pure decisions around it. */
#include "tests/unit/unit.h"
#include "backends/libvirt/accelerator.h"
#include "backends/libvirt/console_log.h"
#include "backends/libvirt/domain_xml.h"
#include "backends/libvirt/events.h"
#include "backends/libvirt/tap_counters.h"
#include "base/file.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <string.h>

#define UUID "ec200001-0000-4000-8000-000000000001"

typedef struct Fixture {
    Arena *arena;
    MachineDisk disk;
    MachineNic nic;
    MachineSpec spec;
    DomainPlatform platform;
    char *xml;
    xmlDoc *document;
} Fixture;

static int set_up(void **state)
{
    Fixture *f = g_new0(Fixture, 1);
    f->arena = arena_new();
    f->disk = (MachineDisk){.path = "/s/root.qcow2", .serial = "vol01"};
    f->nic = (MachineNic){.tap = "tap1", .mac = "02:00:ac:1f:00:0a"};
    f->spec = (MachineSpec){
        .name = "i-01",
        .uuid = UUID,
        .type = "m1.small",
        .vcpus = 2,
        .memory_mib = 512,
        .console_path = "/s/console.log",
    };
    list_add(&f->spec.disks, f->arena, &f->disk);
    list_add(&f->spec.nics, f->arena, &f->nic);
    f->platform = (DomainPlatform){.emulator = "/usr/bin/qemu"};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *f = *state;
    arena_free(f->arena);
    xmlFreeDoc(f->document);
    g_free(f->xml);
    g_free(f);
    return 0;
}

static void write_xml(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    domain_xml_write(&f->spec, &f->platform, &f->xml, &error);
    assert_no_error(error);
    f->document = xmlReadMemory(f->xml, (int)strlen(f->xml), NULL, NULL, 0);
    assert_non_null(f->document);
}

/* The string value of an XPath expression over what was written. */
static const char *value(Fixture *f, const char *path)
{
    xmlXPathContext *context = xmlXPathNewContext(f->document);
    g_autofree char *expression = g_strdup_printf("string(%s)", path);
    xmlXPathObject *object = xmlXPathEvalExpression((const xmlChar *)expression, context);
    assert_non_null(object);
    const char *copy = arena_strdup(f->arena, (const char *)object->stringval);
    xmlXPathFreeObject(object);
    xmlXPathFreeContext(context);
    return copy;
}

static void assert_value(Fixture *f, const char *path, const char *expected)
{
    assert_string_equal(value(f, path), expected);
}

static void machine_is_described_as_ec2(void **state)
{
    Fixture *f = *state;
    write_xml(f);
    assert_value(f, "/domain/name", "i-01");
    assert_value(f, "/domain/memory[@unit='MiB']", "512");
    assert_value(f, "/domain/vcpu", "2");
    assert_value(f, "/domain/os/type/@machine", "q35");
    assert_value(f, "/domain/os/smbios/@mode", "sysinfo");
    assert_value(f, "//bios/entry[@name='vendor']", "Amazon EC2");
    assert_value(f, "//system/entry[@name='uuid']", UUID);
    assert_value(f, "//system/entry[@name='serial']", UUID);
    assert_value(f, "//system/entry[@name='product']", "m1.small");
    assert_value(f, "//chassis/entry[@name='asset']", "i-01");
    assert_value(f, "//memballoon/@model", "none");
    assert_value(f, "//controller[@type='usb']/@model", "none");
}

static void devices_are_those_of_the_spec(void **state)
{
    Fixture *f = *state;
    write_xml(f);
    assert_value(f, "//disk/source/@file", "/s/root.qcow2");
    assert_value(f, "//disk/serial", "vol01");
    assert_value(f, "//disk/driver/@cache", "writeback");
    assert_value(f, "//interface/target[@managed='no']/@dev", "tap1");
    assert_value(f, "//interface/mac/@address", "02:00:ac:1f:00:0a");
    assert_value(f, "//interface/rom/@enabled", "no");
    assert_value(f, "//serial/source[@append='on']/@path", "/s/console.log");
    assert_value(f, "//emulator", "/usr/bin/qemu");
}

static void add_data_disk(Fixture *f, const char *serial, const char *device)
{
    MachineDisk disk = {.path = "/s/data.qcow2", .serial = serial, .device = device};
    list_add(&f->spec.disks, f->arena, arena_memdup(f->arena, &disk, sizeof(disk)));
}

static void data_disks_are_units_of_one_scsi_target(void **state)
{
    Fixture *f = *state;
    add_data_disk(f, "vol02", "xvdf");
    for (unsigned i = 1; i < 40; i++)
        add_data_disk(f, arena_printf(f->arena, "more%u", i), "sdg");
    write_xml(f);
    assert_value(f, "//disk[serial='vol01']/target[@bus='virtio']/@dev", "vda");
    assert_value(f, "//disk[serial='vol02']/target[@bus='scsi']/@dev", "sda");
    assert_value(f, "//disk[serial='vol02']/product", "xvdf");
    assert_value(f, "//disk[serial='vol02']/address/@unit", "0");
    assert_value(f, "//disk[serial='more25']/target/@dev", "sdz");
    assert_value(f, "//disk[serial='more26']/target/@dev", "sdaa");
    assert_value(f, "//disk[serial='more39']/target/@dev", "sdan");
    assert_value(f, "//disk[serial='more39']/address[@target='0']/@unit", "39");
    assert_value(f, "//controller[@type='scsi']/@model", "virtio-scsi");
}

static void every_place_has_a_target_of_its_own(void **state)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (unsigned i = 0; i < DOMAIN_DISK_PLACES; i++)
        assert_true(g_hash_table_add(seen, domain_disk_target(i)));
    assert_true(g_hash_table_contains(seen, "sdit"));
}

static void names_that_guests_cannot_use_are_refused(void **state)
{
    Fixture *f = *state;
    const MachineDisk bad[] = {
        {.path = "/s/d", .serial = "vol0123456789abcdef01", .device = "xvdf"},
        {.path = "/s/d", .serial = "a b", .device = "xvdf"},
        {.path = "/s/d", .serial = "vol2", .device = "xvdffffffffffffff"},
        {.path = "/s/d", .serial = "vol2", .device = "../sda"},
        {.path = "/s/d", .serial = "vol2", .device = ""},
        {.path = "/s/\x01", .serial = "vol2", .device = "xvdf"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        assert_false(domain_xml_write_disk(&bad[i], 0, &f->xml, &error));
        assert_non_null(error);
    }
    assert_null(f->xml);
}

static void machine_boots_from_one_disk(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    add_data_disk(f, "vol02", NULL);
    assert_false(domain_xml_write(&f->spec, &f->platform, &f->xml, &error));
    assert_error_says(error, "boot");
}

static void agent_is_reached_where_the_platform_says(void **state)
{
    Fixture *f = *state;
    f->platform.agents = "/s/agents";
    write_xml(f);
    assert_value(f, "//channel/target/@name", "org.qemu.guest_agent.0");
    assert_value(f, "//channel/source[@mode='bind']/@path", "/s/agents/i-01");
}

static void disks_read_back_as_they_can_be_detached(void **state)
{
    Fixture *f = *state;
    DomainParts parts;
    add_data_disk(f, "vol02", "xvdf");
    write_xml(f);
    assert_true(domain_xml_read(f->xml, f->arena, &parts, NULL));
    assert_int_equal(parts.disks.n, 2);
    const DomainDisk *disk = list_at(&parts.disks, 1);
    assert_string_equal(disk->target, "sda");
    assert_string_equal(disk->serial, "vol02");
    assert_string_equal(disk->path, "/s/data.qcow2");
    assert_true(g_str_has_prefix(disk->xml, "<disk "));
    assert_non_null(strstr(disk->xml, "unit=\"0\""));
}

static void fork_names_every_disk(void **state)
{
    Fixture *f = *state;
    DomainDisk root = {.target = "vda"}, data = {.target = "sda"};
    DomainFork fork = {.target = "sda", .new_path = "/s/<new>"};
    List disks = {0}, forks = {0};
    list_add(&disks, f->arena, &root);
    list_add(&disks, f->arena, &data);
    list_add(&forks, f->arena, &fork);
    assert_true(domain_xml_write_forks(&forks, &disks, &f->xml, NULL));
    f->document = xmlReadMemory(f->xml, (int)strlen(f->xml), NULL, NULL, 0);
    /* libvirt would fork those that are not named. */
    assert_value(f, "//disk[@name='vda']/@snapshot", "no");
    assert_value(f, "//disk[@name='sda']/@snapshot", "external");
    assert_value(f, "//disk[@name='sda']/source/@file", "/s/<new>");
    assert_value(f, "count(//source)", "1");
}

static void kernel_boots_directly(void **state)
{
    Fixture *f = *state;
    f->spec.kernel = "/k";
    f->spec.ramdisk = "/r";
    f->spec.kernel_arguments = "console=ttyS0 root=/dev/vda";
    write_xml(f);
    assert_value(f, "//os/kernel", "/k");
    assert_value(f, "//os/initrd", "/r");
    assert_value(f, "//os/cmdline", "console=ttyS0 root=/dev/vda");
    assert_value(f, "count(//os/boot)", "0");
}

static void without_kernel_the_disk_boots(void **state)
{
    Fixture *f = *state;
    f->spec.ramdisk = "/r";
    write_xml(f);
    assert_value(f, "//os/boot/@dev", "hd");
    assert_value(f, "count(//os/kernel | //os/initrd)", "0");
}

static void tcg_has_a_bounded_cache_and_every_feature(void **state)
{
    Fixture *f = *state;
    write_xml(f);
    assert_value(f, "/domain/@type", "qemu");
    assert_value(f, "//tcg/tb-cache[@unit='MiB']", "128");
    assert_value(f, "/domain/cpu/@mode", "maximum");
}

static void kvm_passes_the_processor_through(void **state)
{
    Fixture *f = *state;
    f->platform.kvm = true;
    write_xml(f);
    assert_value(f, "/domain/@type", "kvm");
    assert_value(f, "count(//tcg)", "0");
    assert_value(f, "/domain/cpu/@mode", "host-passthrough");
}

static void markup_in_values_arrives_as_given(void **state)
{
    Fixture *f = *state;
    const char *nasty = "a=\"1\" b='2' <os/> &lt; ]]> \xc3\xa9\t--";
    f->spec.kernel = "/k&<>\"'";
    f->spec.kernel_arguments = nasty;
    f->spec.type = "</entry><entry name='x'>";
    f->disk.path = "/s/'\"<&>.qcow2";
    write_xml(f);
    assert_value(f, "//os/kernel", "/k&<>\"'");
    assert_value(f, "//os/cmdline", nasty);
    assert_value(f, "//system/entry[@name='product']", "</entry><entry name='x'>");
    assert_value(f, "//disk/source/@file", "/s/'\"<&>.qcow2");
    assert_value(f, "count(//os)", "1");
}

static void what_xml_cannot_carry_is_refused(void **state)
{
    Fixture *f = *state;
    const char *const bad[] = {"a\x01", "a\r", "\xff\xfe", "\xed\xa0\x80"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        f->spec.kernel_arguments = bad[i];
        assert_false(domain_xml_write(&f->spec, &f->platform, &f->xml, &error));
        assert_error_says(error, "kernel arguments");
    }
    assert_null(f->xml);
}

static void uuid_has_to_say_ec2(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    f->spec.uuid = "12345678-0000-4000-8000-000000000001";
    assert_false(domain_xml_write(&f->spec, &f->platform, &f->xml, &error));
    assert_error_says(error, "ec2");
}

static void what_was_written_reads_back(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;
    DomainParts parts;
    write_xml(f);
    domain_xml_read(f->xml, f->arena, &parts, &error);
    assert_no_error(error);
    assert_string_equal(parts.console_path, "/s/console.log");
    assert_int_equal(parts.taps.n, 1);
    assert_string_equal(list_at(&parts.taps, 0), "tap1");
}

static void foreign_description_is_an_error(void **state)
{
    Fixture *f = *state;
    DomainParts parts;
    assert_false(domain_xml_read("<domain><name>x</name></domain>", f->arena, &parts, NULL));
    assert_false(domain_xml_read("no xml", f->arena, &parts, NULL));
}

static void assert_accelerator(bool force, const char *cpuinfo, int kvm_errno, bool kvm,
                               const char *says)
{
    g_autofree char *reason = NULL;
    assert_int_equal(accelerator_choose(force, cpuinfo, kvm_errno, &reason), kvm);
    assert_non_null(strstr(reason, says));
}

static void kvm_needs_the_flag_and_the_device(void **state)
{
    const char *with = "processor\t: 0\nflags\t\t: fpu vmx sse\nbugs\t\t:\n";
    const char *amd = "flags\t\t: fpu svm\n";
    const char *without = "processor\t: 0\nflags\t\t: fpu vmxx sse\nvmx flags\t: vnmi vmx\n";
    assert_accelerator(false, with, 0, true, "has vmx");
    assert_accelerator(false, amd, 0, true, "has svm");
    assert_accelerator(true, with, 0, false, "configuration");
    assert_accelerator(false, with, EACCES, false, "group");
    assert_accelerator(false, with, ENOENT, false, "does not open");
    assert_accelerator(false, without, 0, false, "neither vmx nor svm");
    assert_accelerator(false, "", ENOENT, false, "neither vmx nor svm");
}

static void stop_is_told_apart_by_its_cause(void **state)
{
    MachineEnd plain = {0}, broken = {.broken = true}, signalled = {.signalled = true};
    assert_int_equal(event_of_stop(VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN, &plain), MACHINE_POWERED_OFF);
    assert_int_equal(event_of_stop(VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN, &signalled), MACHINE_CRASHED);
    assert_int_equal(event_of_stop(VIR_DOMAIN_EVENT_STOPPED_DESTROYED, &signalled),
                     MACHINE_DESTROYED);
    assert_int_equal(event_of_stop(VIR_DOMAIN_EVENT_STOPPED_DESTROYED, &broken), MACHINE_CRASHED);
    assert_int_equal(event_of_stop(VIR_DOMAIN_EVENT_STOPPED_FAILED, &plain), MACHINE_CRASHED);
    assert_int_equal(event_of_stop(VIR_DOMAIN_EVENT_STOPPED_CRASHED, &plain), MACHINE_CRASHED);
}

static void long_console_keeps_its_last_lines(void **state)
{
    g_autofree char *directory = scratch_directory();
    g_autofree char *path = g_build_filename(directory, "console", NULL);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    assert_true(file_write(path, "one\ntwo\nthree\n", 14, 0600, NULL));
    assert_true(console_log_cap(path, 14, 9, &error));
    assert_true(file_read(path, 100, &text, NULL, NULL));
    assert_string_equal(text, "one\ntwo\nthree\n");
    g_clear_pointer(&text, g_free);
    assert_true(console_log_cap(path, 13, 9, &error));
    assert_true(file_read(path, 100, &text, NULL, NULL));
    assert_string_equal(text, "three\n");
    assert_true(file_remove_tree(directory, NULL));
    assert_true(console_log_cap(path, 13, 9, &error));
    assert_no_error(error);
}

static void tap_counters_are_read_by_name(void **state)
{
    g_autoptr(TapCounters) counters =
        tap_counters_parse("Inter-|   Receive  |  Transmit\n face |bytes packets\n"
                           "    lo:       1    2 0 0 0 0 0 0 3 4 0 0 0 0 0 0\n"
                           "  tap1: 18446744073709551615 6 0 0 0 0 0 0 7 8 0 0 0 0 0 0\n");
    TapTraffic traffic;
    assert_non_null(counters);
    assert_false(tap_counters_find(counters, "tap", &traffic));
    assert_true(tap_counters_find(counters, "tap1", &traffic));
    assert_true(traffic.rx_bytes == UINT64_MAX);
    assert_int_equal(traffic.rx_packets, 6);
    assert_int_equal(traffic.tx_bytes, 7);
    assert_int_equal(traffic.tx_packets, 8);
    assert_null(tap_counters_parse("\n\n tap1: many\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(machine_is_described_as_ec2),
        TEST(devices_are_those_of_the_spec),
        TEST(data_disks_are_units_of_one_scsi_target),
        cmocka_unit_test(every_place_has_a_target_of_its_own),
        TEST(names_that_guests_cannot_use_are_refused),
        TEST(machine_boots_from_one_disk),
        TEST(agent_is_reached_where_the_platform_says),
        TEST(disks_read_back_as_they_can_be_detached),
        TEST(fork_names_every_disk),
        TEST(kernel_boots_directly),
        TEST(without_kernel_the_disk_boots),
        TEST(tcg_has_a_bounded_cache_and_every_feature),
        TEST(kvm_passes_the_processor_through),
        TEST(markup_in_values_arrives_as_given),
        TEST(what_xml_cannot_carry_is_refused),
        TEST(uuid_has_to_say_ec2),
        TEST(what_was_written_reads_back),
        TEST(foreign_description_is_an_error),
        cmocka_unit_test(kvm_needs_the_flag_and_the_device),
        cmocka_unit_test(stop_is_told_apart_by_its_cause),
        cmocka_unit_test(long_console_keeps_its_last_lines),
        cmocka_unit_test(tap_counters_are_read_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
