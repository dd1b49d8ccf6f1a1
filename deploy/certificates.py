"""A certificate authority for the inside of one installation, and the certificates of its parts.

The authority can vouch for the given names alone (RFC 5280 section 4.2.1.10), so that a browser that is told to trust
it trusts nobody else through it.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOOPBACK = ipaddress.ip_address("127.0.0.1")
AUTHORITY_LIFE = timedelta(days=3650)
LIFE = timedelta(days=730)  # browsers take no more than 825 days
RENEW_BEFORE = timedelta(days=365)
SKEW = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> str:
        """As a file."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        """As a file, not encrypted: whoever may read the file may use it."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()


def read_pair(certificate: str, key: str) -> Pair:
    """From two PEM texts; raises `ValueError`."""
    private = serialization.load_pem_private_key(key.encode(), password=None)
    public = x509.load_pem_x509_certificate(certificate.encode())
    if not isinstance(private, EllipticCurvePrivateKey) or public.public_key() != private.public_key():
        raise ValueError("the certificate is not of this key")
    return Pair(public, private)


def make_authority(names: Sequence[str], now: datetime) -> Pair:
    """Able to vouch for these host names and 127.0.0.1, for nothing else, and for no further authority."""
    key = generate_private_key(SECP256R1())
    subject = _name("Drawbridge internal authority")
    permitted = [*(x509.DNSName(name) for name in names), x509.IPAddress(ipaddress.ip_network(f"{LOOPBACK}/32"))]
    builder = (
        _dated(x509.CertificateBuilder(), now, AUTHORITY_LIFE)
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Pair(builder.sign(key, hashes.SHA256()), key)


def issue(authority: Pair, names: Sequence[str], now: datetime) -> Pair:
    """A server's certificate for these host names and for 127.0.0.1, where its health is asked for."""
    key = generate_private_key(SECP256R1())
    alternative = [*(x509.DNSName(name) for name in names), x509.IPAddress(LOOPBACK)]
    issuer = authority.certificate
    known_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = (
        _dated(x509.CertificateBuilder(), now, LIFE)
        .subject_name(_name(names[0]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(alternative), critical=False)
        .add_extension(known_by, critical=False)
    )
    return Pair(builder.sign(authority.key, hashes.SHA256()), key)


def still_good(pair: Pair, authority: Pair, now: datetime) -> bool:
    """Issued by this authority, and not due for renewal."""
    try:
        pair.certificate.verify_directly_issued_by(authority.certificate)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return now + RENEW_BEFORE < pair.certificate.not_valid_after_utc


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _dated(builder: x509.CertificateBuilder, now: datetime, life: timedelta) -> x509.CertificateBuilder:
    return builder.serial_number(x509.random_serial_number()).not_valid_before(now - SKEW).not_valid_after(now + life)


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
