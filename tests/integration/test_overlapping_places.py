"""Which places cannot both be listened at, asked of the system itself."""

from __future__ import annotations

import socket
from itertools import combinations_with_replacement

import pytest

from inversion.app.claims.check import overlap
from inversion.app.serving.place import Place

ADDRESSES = ("127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::")


def listened_at(one: Place) -> socket.socket:
    return socket.create_server((one.host, one.port), family=socket.AF_INET6 if ":" in one.host else socket.AF_INET)


@pytest.mark.parametrize(("first", "second"), list(combinations_with_replacement(ADDRESSES, 2)))
def test_places_overlap_where_the_system_says_so(first, second):
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with listened_at(Place(first, 0)) as taken:
        port = taken.getsockname()[1]
        try:
            listened_at(Place(second, port)).close()
        except OSError:
            free = False
        else:
            free = True
    assert overlap(Place(first, port), Place(second, port)) is not free
    assert overlap(Place(second, port), Place(first, port)) is not free
