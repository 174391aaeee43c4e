"""Where the archives of sources are found in a cluster: the endpoint behind the Service that their address names.

Only the leader has archives, and any replica may become it. So the Service selects no pods: whoever leads writes its
own address into an EndpointSlice, once. Readiness stays out of it, for replicas that wait are as ready as the leader.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from typing import TYPE_CHECKING

from fairlead.errors import FairleadError

if TYPE_CHECKING:
    from fairlead.kube.client import KubeClient

__all__ = ["announce"]

log = logging.getLogger(__name__)

FIELD_MANAGER = "fairlead"
_SERVICE = re.compile(r"(fairlead[a-z0-9-]*)\.([a-z0-9-]+)\.svc(\.cluster\.local)?\.?")
"""``fairlead``, or ``fairlead-SHARD``. Another's Service selects its own pods: an endpoint of ours would stay in it."""


async def announce(client: KubeClient, advertised: str, pod_address: str, port: int) -> None:
    """Make the Service lead here; does nothing for an address that is no Service of ours.

    A refusal is logged and no more: deliveries do not need the archives.
    """
    service = _SERVICE.fullmatch(advertised.partition(":")[0])
    if service is None or not pod_address:
        return
    name, namespace = service[1], service[2]
    slice_ = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {
                "kubernetes.io/service-name": name,
                "endpointslice.kubernetes.io/managed-by": "fairlead.dev",
            },
        },
        "addressType": f"IPv{ipaddress.ip_address(pod_address).version}",
        "endpoints": [{"addresses": [pod_address], "conditions": {"ready": True}}],
        "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
    }
    try:
        await client.apply(slice_, field_manager=FIELD_MANAGER)
    except FairleadError as error:
        log.warning("archives of sources cannot be reached at %s ('fairlead install' gives the right): %s", name, error)
