"""Records to a web server, as signed JSON by HTTP POST.

The body is `{"records": [{"journal", "asset", "sequence", "kind", "body"}, ...]}`; (journal, asset, sequence) names a
record for ever, since after a lost answer it comes again. With a secret, `X-Inversion-Signature` is `sha256=` and the
HMAC (RFC 2104) of `X-Inversion-Timestamp`, a dot and the body: the receiver can tell who sent it, and when.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from inversion.app.bounds import LONGEST_S, check_within
from inversion.app.journal import Entry
from inversion.app.patience import TooMuch
from inversion.app.secret import Secret
from inversion.core import dumps
from sensors.hostname import proper_host

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_TOO_LARGE = 413
_ENOUGH = 4096  # bytes of an answer that are read
_KINDS = ("finding", "alarm", "event")


@dataclass(frozen=True)
class WebhookSink:
    """Posts every record, in order, and takes any answer of 2xx as received.

    url: https, or http to this machine; it holds no password, since addresses are logged
    kinds: of records that are sent
    secret_file, secret_environment: the first line of the file, read anew at each post, or the variable signs
    ca: PEM file of who may answer, where that is not one of the system's
    """

    url: str
    kinds: tuple[str, ...] = ("alarm", "event")
    secret_file: Path | None = None
    secret_environment: str = ""
    ca: Path | None = None
    timeout_s: float = 10.0
    clock: Callable[[], float] = field(default=time.time, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            proper_host(parts.hostname or "a")
            _ = parts.port
        except ValueError:  # its words would show what stands before the host, such as a password
            problem = "url must be an address such as https://a.example/hook, found a host or port that is none"
            raise ValueError(problem) from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"url must begin with https:// and name a host, got {parts.scheme or 'no scheme'!r}")
        if parts.username or parts.password:
            raise ValueError("url must hold no user and no password: addresses are logged; use secret_file")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise ValueError(f"url must be https, or http to this machine, got http to {parts.hostname!r}")
        if not self.kinds or not set(self.kinds) <= set(_KINDS):
            raise ValueError(f"kinds must be some of {', '.join(_KINDS)}, got {list(self.kinds)}")
        _ = self._secret
        check_within("timeout_s", self.timeout_s, 0.1, LONGEST_S, "s", "a server that hangs holds all up so long")

    async def write(self, findings: Sequence[Mapping[str, Any]]) -> None:
        """Findings alone, without names of their records. Raises ConnectionError."""
        if "finding" in self.kinds:
            await asyncio.to_thread(self._post, [{"kind": "finding", "body": dict(finding)} for finding in findings])

    async def write_records(self, entries: Sequence[Entry]) -> None:
        """Raises ConnectionError where nobody answers, or not with 2xx; what was received may come a second time."""
        records = [
            {
                "journal": entry.journal,
                "asset": entry.asset,
                "sequence": entry.sequence,
                "kind": entry.kind,
                "body": dict(entry.body),
            }
            for entry in entries
            if entry.kind in self.kinds
        ]
        if records:
            await asyncio.to_thread(self._post, records)

    @property
    def _secret(self) -> Secret:
        return Secret("secret", self.secret_file, self.secret_environment)

    def _post(self, records: Sequence[Mapping[str, Any]]) -> None:
        body = dumps({"records": list(records)}).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "inversion", **self._signature(body)}
        request = urllib.request.Request(self.url, data=body, headers=headers, method="POST")
        where = urlsplit(self.url).netloc
        try:
            with self._opener().open(request, timeout=self.timeout_s) as answer:
                answer.read(_ENOUGH)
        except urllib.error.HTTPError as problem:
            problem.close()
            if problem.code == _TOO_LARGE and len(records) > 1:
                raise TooMuch(f"{where} answered {problem.code} to {len(records)} records at a time") from problem
            raise ConnectionError(f"{where} answered {problem.code} {problem.reason}") from problem
        except (OSError, HTTPException) as problem:
            why = getattr(problem, "reason", problem)
            cut_off = isinstance(why, (BrokenPipeError, ConnectionResetError))  # as some refuse what is too large
            raise (ConnectionResetError if cut_off else ConnectionError)(f"{where}: {why}") from problem

    def _opener(self) -> urllib.request.OpenerDirector:
        context = ssl.create_default_context(cafile=self.ca)
        return urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=context), urllib.request.ProxyHandler({}), _NoRedirect()
        )

    def _signature(self, body: bytes) -> dict[str, str]:
        if not self._secret.given:
            return {}
        secret = self._secret.read()
        stamp = f"{self.clock():.0f}"
        digest = hmac.new(secret, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        return {"X-Inversion-Timestamp": stamp, "X-Inversion-Signature": f"sha256={digest}"}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Records go where they were sent, nowhere else: a redirect is an answer that is not 2xx."""

    def redirect_request(self, *_: Any) -> None:
        return None
