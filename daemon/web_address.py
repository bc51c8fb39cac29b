"""Addresses that webhooks may go to: whole ones as settings, and whether one lies below them."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from daemon.errors import UsageError

MAX_ADDRESS_BYTES = 2000
PORTS = {"http": 80, "https": 443}


def web_address(where: str, text: str) -> str:
    """Return an address that webhooks may go below; raises UsageError naming `where`.

    It is https://..., or http://... of this machine, without user, query or fragment.
    """
    found = _parts(text)
    if found is None or found.query:
        wanted = "an address such as https://example.com/hooks/"
        raise UsageError(f"{where} must be {wanted}, not {text!r}")
    if found.scheme == "http" and not _is_loopback(found.hostname or ""):
        raise UsageError(f"{where} must begin with https:// for another machine, not {text!r}")
    return text


def is_below(address: str, targets: Sequence[str]) -> bool:
    """Say whether an address is one of the targets, or lies below one that ends in a slash."""
    found = _parts(address)
    return found is not None and any(
        _origin(found) == _origin(target)
        and (found.path == target.path or (target.path[-1:] == "/" and _is_inside(found, target)))
        for target in map(_known, targets)
    )


def _is_inside(found: SplitResult, target: SplitResult) -> bool:
    return found.path.startswith(target.path)


def _known(text: str) -> SplitResult:
    found = _parts(text)
    assert found is not None, "a setting is read before it is kept"
    return found


def _parts(text: str) -> SplitResult | None:
    """Split an address that can be read in one way only; None for any other."""
    if not text.isascii() or len(text) > MAX_ADDRESS_BYTES:
        return None
    if any(each in text for each in " \\@#%\t\r\n\x00\x7f") or not text.isprintable():
        return None
    try:
        found = urlsplit(text)
        _ = found.port
    except ValueError:
        return None
    dotted = {"..", "."} & set(found.path.split("/"))
    if found.scheme not in PORTS or not found.hostname or dotted or found.path[:1] != "/":
        return None
    return found


def _origin(found: SplitResult) -> tuple[str, str, int]:
    return found.scheme, found.hostname or "", found.port or PORTS[found.scheme]


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
