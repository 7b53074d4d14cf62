"""Settings that are addresses: networks, interfaces, endpoints and URLs."""

from __future__ import annotations

import re

_ENDPOINT = r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+):[0-9]{1,5}"


def hidden_password(value: object) -> str:
    """A URL without its password, whatever is wrong with the rest of it."""
    text = re.sub(r"(://[^:/?#]*):.*@", r"\1:***@", str(value))
    return re.sub(r"(password=)[^&]*", r"\1***", text, flags=re.IGNORECASE)


def read_network(text: str) -> str:
    import ipaddress

    return str(ipaddress.ip_network(text))  # strict: host bits set mean a typing mistake


def read_interface(text: str) -> str:
    if re.fullmatch(r"[!-.0-~]{1,15}", text) is None:  # IFNAMSIZ of Linux is 16 with the ending zero
        raise ValueError
    return text


def read_endpoint(text: str) -> str:
    if re.fullmatch(_ENDPOINT, text) is None or int(text.rpartition(":")[2]) > 65_535:
        raise ValueError
    return text


def read_hep(text: str) -> str:
    read_endpoint(re.sub("^(udp|tcp):", "", text))
    return text


def read_optional_endpoint(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError
    # Without a host it is the loopback address: counters are nobody else's business.
    return read_endpoint(f"127.0.0.1{value}" if value.startswith(":") else value) if value else value


def read_url(text: str) -> str:
    from urllib.parse import urlsplit

    address = urlsplit(text)  # ValueError where brackets or port are wrong
    sound = address.scheme in ("http", "https") and address.hostname and address.port != 0
    if not sound or re.fullmatch(r"[!-~]+", text) is None or address.query or address.fragment:
        raise ValueError
    if address.username is not None:  # it would end up in log lines; the token has a file
        raise ValueError
    return text.rstrip("/")


def read_optional_url(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError
    return read_url(value) if value else value


def read_urls(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (read_url(value),) if value else ()
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise ValueError
    return tuple(read_url(one) for one in value)


def read_redis(value: object) -> str:
    from urllib.parse import urlsplit

    if not isinstance(value, str) or (value and re.fullmatch(r"[!-~]+", value) is None):
        raise ValueError
    if not value:
        return value
    address = urlsplit(value)
    named = address.path if address.scheme == "unix" else address.hostname
    if address.scheme not in ("redis", "rediss", "unix") or not named or address.fragment:
        raise ValueError
    if address.password is not None or "password" in address.query:  # it has a file
        raise ValueError
    return value
