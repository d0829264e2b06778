"""Which IP addresses are on the public internet, whatever they are wrapped in."""

import ipaddress

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")  # RFC 8215: never on the public internet
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_PROTOCOL_ASSIGNMENTS = ipaddress.IPv4Network("192.0.0.0/24")


def is_public(address: str) -> bool:
    """Return whether an IP address is on the public internet, whatever it is wrapped in."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.scope_id is not None or ip in _NAT64_LOCAL or ip.is_site_local:
            return False
        inner = _wrapped(ip)
        if inner:
            return all(map(_is_public_v4, inner))
        return ip.is_global and not ip.is_multicast
    return _is_public_v4(ip)


def _is_public_v4(ip: ipaddress.IPv4Address) -> bool:
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and ip not in _PROTOCOL_ASSIGNMENTS


def _wrapped(ip: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """Return the IPv4 addresses inside a mapped, 6to4, Teredo, NAT64 or compatible one."""
    if ip.ipv4_mapped:
        return [ip.ipv4_mapped]
    if ip.sixtofour:
        return [ip.sixtofour]
    if ip.teredo:
        return list(ip.teredo)
    if ip in _NAT64 or ip in _COMPATIBLE:
        return [ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)]
    return []
