#!/bin/sh
# Renders the base and every overlay, and checks them with kubernetes-validate and, if it is installed, checkov.
set -eu
cd "$(dirname "$0")"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for kustomization in base overlays/*/; do
    target=$folder/$(basename "$kustomization").yaml
    kubectl kustomize "$kustomization" > "$target"
    kubernetes-validate --strict --quiet "$target"
    ! command -v checkov >/dev/null || checkov --config-file checkov.yaml --quiet --compact --file "$target"
    echo "$kustomization: $(grep -c '^kind:' "$target") objects"
done
