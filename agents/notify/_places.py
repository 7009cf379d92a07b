"""Which network addresses a notifier may call: a name that somebody else controls must lead nowhere near us."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port -> its addresses, as text, in the order in which they should be tried."""

METADATA = frozenset(map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200", "192.0.0.192")))
"""Where clouds hand out credentials to whoever asks, beside the link-local 169.254.169.254."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host as the system knows them.

    Raises:
        OSError: It has none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def objection(address: str, *, may_be_local: bool) -> str | None:
    """Return why an address may not be called; None if it may.

    Addresses of private networks are fine: that is where a company's receivers are.

    Args:
        address: IPv4 or IPv6, with or without its zone.
        may_be_local: Allow this machine.
    """
    for ip in _readings(ipaddress.ip_address(address.partition("%")[0])):
        is_local = ip.is_loopback or ip.is_unspecified
        if ip.is_link_local or ip.is_multicast or ip in METADATA or (is_local and not may_be_local):
            return "its address is on this machine or link, which is not allowed"
        if ip.is_reserved and not is_local:
            return "its address is reserved, which is not allowed"
    return None


def _readings(ip: IpAddress) -> Iterator[IpAddress]:
    """Return an address, or the IPv4 addresses that it stands for."""
    if isinstance(ip, ipaddress.IPv4Address):
        yield ip
        return
    inner = [ip.ipv4_mapped, ip.sixtofour, ip.teredo[1] if ip.teredo else None]
    if ip in _NAT64:
        inner.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    if not any(inner):
        yield ip
    yield from (one for one in inner if one is not None)
