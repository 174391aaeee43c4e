"""IP addresses for pods and load balancers: unique while somebody holds them."""

from __future__ import annotations

from ipaddress import IPv4Network


class AddressPool:
    """Gives each holder (a uid) one address and takes it back."""

    def __init__(self, network: str) -> None:
        self._network = IPv4Network(network)
        self._by_holder: dict[str, str] = {}
        self._used: set[str] = set()
        self._next = 1

    def reserve(self, holder: str, address: str) -> None:
        """``holder`` has ``address`` already, from before a restart."""
        self._by_holder[holder] = address
        self._used.add(address)

    def take(self, holder: str) -> str:
        """The holder's address; the same one when asked again."""
        known = self._by_holder.get(holder)
        if known is not None:
            return known
        usable = self._network.num_addresses - 2
        for _ in range(usable):
            address = str(self._network[1 + self._next % usable])
            self._next += 1
            if address not in self._used:
                self.reserve(holder, address)
                return address
        return str(self._network[1])

    def release(self, holder: str) -> None:
        address = self._by_holder.pop(holder, None)
        if address is not None:
            self._used.discard(address)
