#!/bin/sh
# Deploys an overlay: ./release.sh overlays/production
# First the jobs that migrate databases and declare queues; if all succeed, the processes. Idempotent.
set -eu
overlay=${1:?name an overlay}
rendered=$(mktemp)
trap 'rm -f "$rendered"' EXIT
kubectl kustomize "$overlay" > "$rendered"

prepare=app.kubernetes.io/part-of=dukan,app.kubernetes.io/component=prepare
# Jobs are immutable, so those of the last release are deleted.
kubectl delete job --namespace dukan --selector "$prepare" --ignore-not-found
kubectl apply --filename "$rendered" --selector 'app.kubernetes.io/component notin (api, worker)'
kubectl wait job --namespace dukan --selector "$prepare" --for condition=complete --timeout 15m
kubectl apply --filename "$rendered"
kubectl rollout status deployment --namespace dukan --selector app.kubernetes.io/part-of=dukan --timeout 10m
