"""A Kubernetes API server in one process: HTTPS, storage in SQLite, simulated workloads.

It serves ``fairlead demo``, rehearsals and the fast tests, and stock ``kubectl`` cannot tell it from the real server in
what it uses. Nothing here imports another part of Fairlead except plain objects and errors.
"""

from __future__ import annotations

from fairlead.localcluster.access import Access
from fairlead.localcluster.cluster import LocalCluster
from fairlead.localcluster.status import StatusError

__all__ = ["Access", "LocalCluster", "StatusError"]
