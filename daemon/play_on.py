"""Settings of a daemon whose jobs another one plays: where that is, what while it is away."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from daemon.errors import UsageError

WHEN_AWAY = ("wait", "local")


def http_url(where: str, text: str) -> str:
    """Check an address such as https://studio:9788; raises UsageError."""
    try:
        parts = urlsplit(text)
        is_right = (
            parts.scheme in ("http", "https") and parts.hostname and parts.port is not None
            and parts.path in ("", "/") and not (parts.query or parts.fragment or "@" in text)
        )  # fmt: skip
    except ValueError:
        is_right = False
    if not is_right:
        raise UsageError(f"{where} must be an address such as https://studio:9788, not {text!r}")
    return text


def check_secure(url: str, insecure: bool) -> None:
    """Refuse http to another machine, where others read token and music; raises UsageError."""
    parts = urlsplit(url)
    if parts.scheme == "https" or insecure or _is_loopback(parts.hostname or ""):
        return
    raise UsageError(
        f"play-on must be https to another machine, not {url!r}: others can read token and music; "
        "--insecure yes allows it"
    )


def when_away(where: str, text: str) -> str:
    """Check what is to be done while the other machine is away; raises UsageError."""
    if text not in WHEN_AWAY:
        raise UsageError(f"{where} must be {' or '.join(WHEN_AWAY)}, not {text!r}")
    return text


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
