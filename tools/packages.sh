# shellcheck shell=sh
# What this system must have, for ./start and ./test to include: probes, the Debian packages that
# satisfy them, and why. Nothing is asked of apt unless a probe fails.
#
#   need PROBE PACKAGE WHY    notes what is missing
#   want PROBE PACKAGE WHY    the same for what is only useful: no harm when no package has it
#   packages_install          installs what is missing through apt-get, or says what to install and
#                             returns false
#
# A probe is c:COMMAND, p:PKG-CONFIG-MODULE or f:FILE, a pattern.

packages_missing=
packages_optional=
packages_reasons=

packages_present() {
    case $1 in
    c:*) PATH=$PATH:/usr/sbin:/sbin command -v "${1#c:}" >/dev/null 2>&1 ;;
    p:*) pkg-config --exists "${1#p:}" 2>/dev/null ;;
    f:*)
        # A pattern, on purpose.
        for packages_file in ${1#f:}; do
            [ ! -e "$packages_file" ] || return 0
        done
        return 1
        ;;
    esac
}

packages_note() {
    packages_reasons="$packages_reasons$(printf '  %-28s %s' "$1" "$2")
"
}

need() {
    packages_present "$1" && return
    packages_missing="$packages_missing $2"
    packages_note "$2" "$3"
}

want() {
    packages_present "$1" && return
    packages_optional="$packages_optional $2"
    packages_note "$2" "$3 (useful, not necessary)"
}

# Runs a command as root, without a question where nobody can answer one.
packages_as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif [ -t 0 ] && [ -z "${CI:-}" ]; then
        sudo "$@"
    else
        sudo -n "$@"
    fi
}

packages_apt() {
    packages_as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
        -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" </dev/null
}

packages_install() {
    [ -n "$packages_missing$packages_optional" ] || return 0
    if ! command -v apt-get >/dev/null 2>&1; then
        [ -n "$packages_missing" ] || return 0
        printf 'This is not Debian or Ubuntu: please install what these packages hold there,\n'
        printf 'then run this again.\n%s' "$packages_reasons"
        return 1
    fi
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null 2>&1; then
        [ -n "$packages_missing" ] || return 0
        printf 'Missing packages:\n%sAs root, run:\n  apt-get install%s\n' "$packages_reasons" \
            "$packages_missing"
        return 1
    fi
    # The useful ones only where there are such packages.
    packages_all=$packages_missing
    for packages_name in $packages_optional; do
        if apt-cache show "$packages_name" >/dev/null 2>&1; then
            packages_all="$packages_all $packages_name"
        fi
    done
    [ -n "$packages_all" ] || return 0
    printf 'Installing packages:\n%s' "$packages_reasons"
    packages_log=$(mktemp)
    # A package per word. The lists may be missing or too old: then once more with new ones.
    # shellcheck disable=SC2086
    if packages_apt install --no-install-recommends $packages_all >"$packages_log" 2>&1 ||
        { packages_apt update >"$packages_log" 2>&1 &&
            packages_apt install --no-install-recommends $packages_all >"$packages_log" 2>&1; }; then
        rm -f "$packages_log"
        return 0
    fi
    tail -n 15 "$packages_log" >&2
    rm -f "$packages_log"
    [ -n "$packages_missing" ] || return 0
    printf 'apt-get could not install them. By hand, as root:\n  apt-get install%s\n' \
        "$packages_missing" >&2
    return 1
}

# What building takes.
packages_for_build() {
    need c:pkg-config pkg-config "finds the libraries below"
    need c:gcc gcc "compiles"
    need f:/usr/include/stdlib.h libc6-dev "the C library's headers"
    need c:meson meson "describes the build"
    need c:ninja ninja-build "runs the build"
    need c:python3 python3 "runs meson and the build's own tools"
    need p:glib-2.0 libglib2.0-dev "strings, tables, threads"
    need p:openssl libssl-dev "signatures, digests, TLS"
    need p:sqlite3 libsqlite3-dev "the store"
    need p:libmicrohttpd libmicrohttpd-dev "the HTTP server"
    need p:libxml-2.0 libxml2-dev "XML of machines and requests"
    need p:xmlsec1-openssl libxmlsec1-dev "SOAP's signatures"
    need p:libvirt libvirt-dev "virtual machines"
    need p:jansson libjansson-dev "JSON"
    need p:libcbor libcbor-dev "CBOR, which today's SDKs speak to CloudWatch"
    need p:zlib zlib1g-dev "compressed requests"
    need p:libcurl libcurl4-openssl-dev "the command line's requests"
    need p:cmocka libcmocka-dev "unit tests, which the build knows of"
}

# What real machines take, and the starter image.
packages_for_machines() {
    need c:qemu-system-x86_64 qemu-system-x86 "runs the virtual machines"
    need c:qemu-img qemu-utils "makes their disks"
    need "f:/usr/lib*/*/libvirt/connection-driver/libvirt_driver_qemu.so" \
        libvirt-daemon-driver-qemu "controls QEMU, inside the daemon: no libvirtd is started"
    need c:ip iproute2 "bridges, taps, namespaces"
    need c:nft nftables "security groups"
    need c:dnsmasq dnsmasq-base "DHCP and names for the guests"
    want c:pasta passt "lets the guests reach the outside"
    need c:mke2fs e2fsprogs "makes the starter image's file system"
    need c:strip binutils "shrinks its modules"
    want c:lz4 lz4 "unpacks its kernel, so that guests start faster"
    [ "$(id -u)" = 0 ] || need c:fakeroot fakeroot "lets the image's files belong to root"
}

# What the first steps in the manual type.
packages_for_people() {
    want c:aws awscli "the AWS command line: build/cumulet aws"
    want c:ssh openssh-client "logs in to instances"
    want c:curl curl "asks web servers"
}
