"""A device whose values are known, for tests over real lines."""

import asyncio
import datetime
import ipaddress
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PROFILE = """\
[device]
name = "rig"
order = "CDAB"

[[register]]
name = "shaft_hz"
table = "input"
address = 9
kind = "float32"
unit = "Hz"

[[register]]
name = "counter"
address = 20
kind = "uint32"

[[register]]
name = "running"
table = "discrete"
address = 3
"""


class Machine:
    """Counts its reads, so that no two polls answer with the same numbers."""

    def __init__(self):
        self.reads = 0

    def capture(self, wanted):
        raise AssertionError("this device has no waveform")

    def measure(self, name):
        self.reads += name == "counter"
        return {"shaft_hz": 29.5, "running": 1.0, "counter": float(self.reads)}[name]


async def take(source, number=1, **options):
    """The first frames of a source, which is then closed."""
    frames = source.frames(**options)
    try:
        return [await anext(frames) for _ in range(number)]
    finally:
        await frames.aclose()


async def settled():
    """Lets the event loop close what was closed."""
    for _ in range(5):
        await asyncio.sleep(0)


class Authority:
    """Makes certificates for 127.0.0.1 in a folder."""

    def __init__(self, folder, name="ca"):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._signed(subject, self.key, subject, is_ca=True)
        self.ca = folder / f"{name}.pem"
        self.ca.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name, days=10):
        """Paths of a certificate, valid until so many days from now, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._signed(subject, key, self.certificate.subject, is_ca=False, days=days)
        paths = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return paths

    def server_side(self, certificate, key):
        """TLS that asks for a client certificate of this authority."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.ca)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(certificate, key)
        return context

    def _signed(self, subject, key, issuer, is_ca, days=10):
        now = datetime.datetime.now(datetime.UTC)
        names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=30))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if is_ca:
            usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        return builder.sign(self.key, hashes.SHA256())
