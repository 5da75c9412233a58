# shellcheck shell=sh
# What the recipes of images share, for guest/*/build to include.

say() {
    printf '%s\n' "image: $*"
}

fail() {
    printf '%s\n' "image: $*" >&2
    exit 1
}

# recipe_of DIRECTORY: changes whenever a file of the recipe, or one that recipes share, does.
recipe_of() {
    {
        cat "$1/../recipe.sh"
        cd "$1" && find . ../common -type f ! -path '*/__pycache__/*' | sort | xargs sha256sum
    } | sha256sum | cut -d ' ' -f 1
}

# is_current OUTPUT RECIPE: whether the image there was made by it.
is_current() {
    grep -qs "\"recipe\": \"$2\"" "$1/image.json"
}

# number FILE OFFSET SIZE: a little-endian number.
number() {
    od -A n -t "u$3" -j "$2" -N "$3" "$1" | tr -d ' '
}

# unpacker FILE: the program that decompresses it, by its first bytes; false when it is not known.
unpacker() {
    case $(od -A n -t x1 -N 4 "$1" | tr -d ' ') in
    02214c18) echo lz4 ;;
    28b52ffd) echo zstd ;;
    fd377a58) echo xz ;;
    1f8b*) echo gzip ;;
    *) return 1 ;;
    esac
}

# unpack_kernel FROM TO: an uncompressed kernel starts a second sooner on an emulated processor:
# QEMU enters it directly. Where it cannot be unpacked, the compressed one does.
unpack_kernel() {
    offset=$((($(number "$1" 497 1) + 1) * 512 + $(number "$1" 584 4)))
    length=$(number "$1" 588 4)
    tail -c +$((offset + 1)) "$1" | head -c "$length" >"$2.payload"
    # The payload's last four bytes are its unpacked size, which the tools complain of.
    if program=$(unpacker "$2.payload") && command -v "$program" >/dev/null &&
        { "$program" -qdc <"$2.payload" >"$2" 2>/dev/null || true; } &&
        readelf -h "$2" >/dev/null 2>&1 &&
        [ "$(stat -c %s "$2")" = "$(number "$2.payload" $((length - 4)) 4)" ]; then
        rm "$2.payload"
        return
    fi
    say "the kernel stays compressed (is lz4 installed?): guests will start a little slower"
    rm "$2.payload"
    cp "$1" "$2"
}

# content_name DIRECTORY FILE PREFIX SUFFIX: a name for it that no other content has.
content_name() {
    echo "$3-$(sha256sum "$1/$2" | cut -c 1-12)$4"
}

# place_image PARTS OUTPUT: PARTS holds root.qcow2 and, when the machine does not start from its
# disk, vmlinuz and ramdisk. They become an image directory: these files, and image.json, which
# names and describes them by the variables
#
#   name description login recipe   as they are
#   family version                  names of kernel and ramdisk: "family-linux-version"
#   kernel_arguments                of a machine that does not start from its disk
#   root_size                       of the disk, in bytes
#   packages                        a file of lines "name=version": what it was made of
#
# Disks of instances lie over root.qcow2, and kernels are named in records, so files are named by what
# is in them, and one that was once handed out is never changed or replaced. image.json is the last
# to appear and names the current ones.
#
# shellcheck disable=SC2154 # the variables above
place_image() {
    root_file=$(content_name "$1" root.qcow2 root .qcow2)
    moves="root.qcow2 $root_file"
    boot=
    if [ -e "$1/vmlinuz" ]; then
        kernel_file=$(content_name "$1" vmlinuz "vmlinuz-$version" '')
        ramdisk_file=$(content_name "$1" ramdisk "ramdisk-$version" '')
        moves="vmlinuz $kernel_file
ramdisk $ramdisk_file
$moves"
        boot="
    \"kernel\": \"$kernel_file\",
    \"kernel_name\": \"$family-linux-$version\",
    \"kernel_arguments\": \"$kernel_arguments\",
    \"kernel_size\": $(stat -c %s "$1/vmlinuz"),
    \"ramdisk\": \"$ramdisk_file\",
    \"ramdisk_name\": \"$family-ramdisk-$version\",
    \"ramdisk_size\": $(stat -c %s "$1/ramdisk"),"
    fi
    cat >"$1/image.json" <<EOF
{
    "format": 1,
    "name": "$name",
    "description": "$description",
    "architecture": "x86_64",$boot
    "kernel_version": "$version",
    "root": "$root_file",
    "root_format": "qcow2",
    "root_size": $root_size,
    "login": "$login",
    "recipe": "$recipe",
    "packages": [
$(sed 's/.*/        "&"/; $!s/$/,/' "$packages")
    ]
}
EOF
    chmod 444 "$1"/*
    mkdir -p "$2"
    chmod 755 "$2"
    sync "$1"/*
    printf '%s\n' "$moves" | while read -r from to; do
        [ -e "$2/$to" ] || mv -f "$1/$from" "$2/$to"
    done
    mv -f "$1/image.json" "$2/image.json"
    say "$2: $(printf '%s\n' "$moves" | while read -r _ to; do
        echo "$2/$to"
    done | xargs du -ch | sed -n 's/[[:space:]]*total//p')"
}
