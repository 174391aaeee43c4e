"""What any operator needs: work queue, controller loop, conditions, events, leases, probes. Knows no GitOps."""
