/* `cumulet image`. */
#include "cli/image.h"
#include "cli/commands.h"

#include <string.h>

static bool image_run(Call *call, GError **error)
{
    ImageOptions given = {0};
    if (!call_parse(call,
                    (void *const[]){&given.force, &given.mirror, &given.name, &given.description,
                                    &given.architecture},
                    error))
        return false;
    if (strcmp(call->argv[0], "build") == 0)
        return image_run_build(call, &given, error);
    if (strcmp(call->argv[0], "import") == 0)
        return image_run_import(call, &given, error);
    return usage_set(error, "image knows build and import, not '%s'", call->argv[0]);
}

static const GOptionEntry options[] = {
    {"force", 0, 0, G_OPTION_ARG_NONE, NULL, "build: build it even if it is up to date", NULL},
    {"mirror", 0, 0, G_OPTION_ARG_STRING, NULL, "build: where Debian's packages come from", "URL"},
    {"name", 0, 0, G_OPTION_ARG_FILENAME, NULL, "import: what the image is to be called", "NAME"},
    {"description", 0, 0, G_OPTION_ARG_FILENAME, NULL, "import: a description of it", "TEXT"},
    {"architecture", 0, 0, G_OPTION_ARG_STRING, NULL, "import: x86_64 (the default) or i386",
     "NAME"},
    {NULL},
};

const Command image_command = {
    .name = "image",
    .arguments = "build NAME | import FILE --name NAME",
    .summary = "build or import a machine image that instances can be launched from",
    .help = "build builds a machine image and registers it as a public image of owner amazon.\n"
            "The answer is its id and name. NAME is\n"
            "\n"
            "  micro        the starter image: a web server, SSH\n"
            "  debian       Debian 12: cloud-init, Apache with PHP, the AMI tools\n"
            "  debian-disk  the same as a whole disk with partition table and GRUB\n"
            "\n"
            "Debian takes two to four minutes, the network and mmdebstrap; no loop devices\n"
            "and no root. Its packages come from where this system's apt takes them, unless\n"
            "--mirror names another place. What else it needs, it says. An older build is\n"
            "no longer offered, but instances of it go on. Nothing is done when the image\n"
            "is up to date.\n"
            "\n"
            "import copies a disk image (qcow2, raw, VMDK, VHD or VHDX) and registers it as a\n"
            "private image of the account; the answer is the same. A disk with a partition\n"
            "table boots by itself, one with a bare ext file system with the starter image's\n"
            "kernel. Needs a daemon that runs, and qemu-img. The file is not needed any more\n"
            "afterwards.\n",
    .options = options,
    .operands_min = 1,
    .operands_max = 2,
    .run = image_run,
};
