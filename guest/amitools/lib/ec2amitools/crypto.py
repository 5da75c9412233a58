"""Keys, certificates and signatures, all by way of openssl.

A bundle's key and initialisation vector are 32 hexadecimal characters each. It is these characters,
not the 16 bytes, that are encrypted (RSA, PKCS #1 v1.5) and written into the manifest in hex."""

import os
import re
import secrets
import tempfile

from . import imds
from .tool import ToolError, need_file, run_program

DEFAULT_EC2_CERT = "/etc/ec2/amitools/cert-ec2.pem"
MAX_PEM = 64 * 1024  # more than any key or chain of certificates has
HEX_KEY = re.compile(rb"[0-9a-fA-F]{32}\Z")


def new_key():
    """A key or an initialisation vector."""
    return secrets.token_hex(16)


def wrap(text, certificate):
    """Encrypts key or vector for the holder of a certificate; in hex."""
    return run_program(
        ["openssl", "pkeyutl", "-encrypt", "-certin", "-inkey", certificate,
         "-pkeyopt", "rsa_padding_mode:pkcs1"],
        text.encode(), f"certificate {certificate}: cannot encrypt with it").hex()


def unwrap(wrapped, private_key):
    """The key or vector that wrap() made."""
    wrong = f"private key {private_key}: the bundle was not made for it"
    clear = run_program(["openssl", "pkeyutl", "-decrypt", "-inkey", private_key,
                         "-pkeyopt", "rsa_padding_mode:pkcs1"], bytes.fromhex(wrapped), wrong)
    # For a foreign key newer openssl answers with random bytes instead of an error.
    if not HEX_KEY.match(clear):
        raise ToolError(wrong)
    return clear.decode()


def _need_pem(path, what, wrong):
    """openssl tries everything on a file that is something else, for minutes."""
    need_file(path, what)
    with open(path, "rb") as file:
        if b"-----BEGIN " not in file.read(MAX_PEM):
            raise ToolError(wrong)


def ec2_certificate(given):
    """The path of EC2's certificate: what was given, else the image's, else what the metadata
    service has."""
    what = "EC2's certificate (--ec2cert)"
    if given or os.path.exists(DEFAULT_EC2_CERT):
        return need_file(given or DEFAULT_EC2_CERT, what)
    text = imds.ec2_certificate()
    if not text:
        return need_file(DEFAULT_EC2_CERT, what)
    # Nothing of it may get into the image of the volume.
    memory = os.memfd_create("cert-ec2.pem")
    os.write(memory, text.encode())
    return f"/proc/{os.getpid()}/fd/{memory}"


def public_key_of_certificate(certificate):
    wrong = f"certificate {certificate}: not an X.509 certificate in PEM form"
    _need_pem(certificate, "certificate", wrong)
    return run_program(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"], None, wrong)


def public_key_of_private_key(private_key):
    wrong = f"private key {private_key}: not a private key in PEM form"
    _need_pem(private_key, "private key", wrong)
    return run_program(["openssl", "pkey", "-in", private_key, "-pubout"], None, wrong)


def check_pair(certificate, private_key):
    """A certificate and the key that belongs to it."""
    if public_key_of_certificate(certificate) != public_key_of_private_key(private_key):
        raise ToolError(f"certificate {certificate} and private key {private_key} do not belong "
                        "together")


def sign(data, private_key):
    """RSA with SHA-1, in hex."""
    return run_program(["openssl", "dgst", "-sha1", "-sign", private_key], data,
                       f"private key {private_key}: cannot sign with it").hex()


def verify(data, signature, private_key):
    """Whether sign() made this with this key. signature is in hex."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("key", "signature")]
        for path, content in zip(paths, (public_key_of_private_key(private_key),
                                         bytes.fromhex(signature))):
            with open(path, "wb") as file:
                file.write(content)
        try:
            run_program(["openssl", "dgst", "-sha1", "-verify", paths[0], "-signature", paths[1]],
                        data)
        except ToolError:
            return False
        return True
