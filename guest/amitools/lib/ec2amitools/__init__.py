"""The AMI tools: bundles of machine images (manifest 2007-10-10), made, moved and unpacked.

Only Python's standard library is used; tar, gzip, openssl and mke2fs do the work, as child
processes."""

VERSION = "1.5"
MANIFEST_VERSION = "2007-10-10"
BUNDLER = "cumulet-ami-tools"
BUNDLER_RELEASE = "1"
