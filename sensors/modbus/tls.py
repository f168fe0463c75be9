"""What is asked of the other side of a TLS line. Source: Modbus/TCP Security v21, 5 and 7."""

from __future__ import annotations

import ssl
from pathlib import Path


def client_context(ca: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or later, the server's name checked, and our own certificate where there is one.

    Raises ValueError that begins with the key whose file is no certificate or key.
    """
    try:
        context = ssl.create_default_context(cafile=ca)
    except (ssl.SSLError, OSError) as problem:
        raise ValueError(f"ca: {ca} holds no certificate: {_reason(problem)}") from problem
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate is not None:
        try:
            context.load_cert_chain(certificate, key)
        except (ssl.SSLError, OSError) as problem:
            raise ValueError(
                f"certificate: {certificate} and {key} do not belong together: {_reason(problem)}"
            ) from problem
    return context


def _reason(problem: OSError) -> str:
    return str(getattr(problem, "reason", "") or problem.strerror or problem)
