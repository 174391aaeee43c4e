"""What the manager decides before it asks any cluster."""

from __future__ import annotations

from fairlead.controllers.manager import lease_name


def test_each_shard_has_a_lease_of_its_own() -> None:
    """Otherwise one shard would wait for another, and nobody would do its work."""
    assert lease_name("") == "fairlead-leader-election"
    assert lease_name("sharding.fluxcd.io/key=shard1") == "fairlead-leader-election-73fdc1be"  # by sha256sum
    assert lease_name("!sharding.fluxcd.io/key") != lease_name("sharding.fluxcd.io/key=shard1")
