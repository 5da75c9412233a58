#!/bin/sh
# Run by meson install: makes the links of the tools of old in an installation.
#
# usage: install_classic.sh CUMULET BINDIR DIRECTORY
#
# CUMULET is the program just built, which knows their names. The links are relative, and the ones
# of an earlier version go.

set -eu
cumulet=$1
program=${DESTDIR:-}$2/cumulet-classic
directory=${DESTDIR:-}$3

names=$(mktemp -d)
trap 'rm -rf "$names"' EXIT
"$cumulet" classic install "$names" >/dev/null
mkdir -p "$directory"
find "$directory" -type l -delete
for name in "$names"/*; do
    ln -sr "$program" "$directory/${name##*/}"
done
