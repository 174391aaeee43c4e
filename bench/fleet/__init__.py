"""A fleet of apps: what a commit, a drift, a restart and an idle minute cost at N Kustomizations.

    python -m bench.fleet --apps 100                           on the local cluster
    python -m bench.fleet --apps 100,300 --assets FOLDER       on a fresh kube-apiserver for each size
    python -m bench.fleet --apps 100 --kubeconfig FILE         on any other
    python -m bench.fleet.render FOLDER                        figures of `--out FOLDER` into the documents

Each app is a Kustomization with an overlay on one shared base: Deployment, ServiceAccount, Service and a generated
ConfigMap. The controllers run as the process that a user starts; everything is observed through the API server's watch.
"""
