"""The inventory in Flux's format."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.objects.inventory import Inventory, format_id, parse_id
from fairlead.objects.ref import ObjectRef

names = st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,8}[a-z0-9])?", fullmatch=True)
kinds = st.from_regex(r"[A-Z][A-Za-z]{0,8}", fullmatch=True)
refs = st.builds(ObjectRef, st.just("") | names, kinds, st.just("") | names, names)


@pytest.mark.parametrize(
    ("ref", "text"),
    [
        (ObjectRef("", "Namespace", "", "team"), "_team__Namespace"),
        (ObjectRef("apps", "Deployment", "shop", "web"), "shop_web_apps_Deployment"),
        (ObjectRef("", "ConfigMap", "shop", "web"), "shop_web__ConfigMap"),
        (
            ObjectRef("rbac.authorization.k8s.io", "ClusterRole", "", "system:viewer"),
            "_system__viewer_rbac.authorization.k8s.io_ClusterRole",
        ),
        (ObjectRef("rbac.authorization.k8s.io", "Role", "n", "my_role"), "n_my_role_rbac.authorization.k8s.io_Role"),
    ],
)
def test_ids_are_fluxs(ref: ObjectRef, text: str) -> None:
    assert format_id(ref) == text
    assert parse_id(text) == ref


@given(refs)
def test_ids_round_trip(ref: ObjectRef) -> None:
    assert parse_id(format_id(ref)) == ref


@pytest.mark.parametrize("text", ["", "a", "a_b", "a_b_c", "a_b_c_", "___Kind"])
def test_a_text_that_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no inventory id"):
        parse_id(text)


def test_entries_are_read_and_written_in_apply_order() -> None:
    entries = [{"id": "n_b_apps_Deployment", "v": "v1"}, {"id": "broken"}, {"id": "_n__Namespace", "v": "v1"}]
    inventory = Inventory.from_entries(entries)
    assert inventory.to_entries() == [{"id": "_n__Namespace", "v": "v1"}, {"id": "n_b_apps_Deployment", "v": "v1"}]
    assert Inventory.from_entries(None) == Inventory()


def test_a_new_version_is_the_same_object() -> None:
    old = Inventory.from_entries([{"id": "n_a_batch_CronJob", "v": "v1beta1"}])
    new = Inventory.of([{"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "a", "namespace": "n"}}])
    assert len(old - new) == 0
    assert (old | new).to_entries() == [{"id": "n_a_batch_CronJob", "v": "v1"}]


inventories = st.dictionaries(refs, st.sampled_from(["v1", "v2"]), max_size=6).map(Inventory)


@given(inventories, inventories)
def test_set_operations(one: Inventory, other: Inventory) -> None:
    assert {*one} | {*other} == {*(one | other)}
    assert {*one} - {*other} == {*(one - other)} == {*one.without(other)}
    assert Inventory.from_entries(one.to_entries()) == one
