#!/bin/sh
# Brings an overlay into the cluster: ./release.sh overlays/production
# First databases and queues, then, when every such job has succeeded, the processes. Safe to run again at any point.
set -eu
overlay=${1:?which overlay?}
rendered=$(mktemp)
trap 'rm -f "$rendered"' EXIT
kubectl kustomize "$overlay" > "$rendered"

prepare=app.kubernetes.io/part-of=dukan,app.kubernetes.io/component=prepare
# A job cannot be changed, so those of the last release make room.
kubectl delete job --namespace dukan --selector "$prepare" --ignore-not-found
kubectl apply --filename "$rendered" --selector 'app.kubernetes.io/component notin (api, worker)'
kubectl wait job --namespace dukan --selector "$prepare" --for condition=complete --timeout 15m
kubectl apply --filename "$rendered"
kubectl rollout status deployment --namespace dukan --selector app.kubernetes.io/part-of=dukan --timeout 10m
