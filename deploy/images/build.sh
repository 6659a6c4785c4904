#!/bin/sh
# Builds the images of the named services, or of all: ./build.sh [service…]
#
# PYTHON_IMAGE  base with Python 3.11 and venv (default: see Dockerfile)
# REGISTRY      prefix of the image names (default: dukan), TAG their tag (default: dev)
# ENGINE        buildah, docker or podman (default: the first that is installed)
# BUILD_ARGS    more arguments for the engine, such as --pull-never without a network, or --volume or --secret for
#               certificates
set -eu
cd "$(dirname "$0")/../.."

for engine in ${ENGINE:-buildah docker podman}; do
    command -v "$engine" >/dev/null && break
    engine=
done
[ -n "$engine" ] || { echo "build.sh: install buildah, docker or podman" >&2; exit 1; }

# Only Docker's format keeps HEALTHCHECK.
format=
[ "$engine" = docker ] || format="--format docker"

if [ $# -eq 0 ]; then
    set -- gateway
    for member in services/*/pyproject.toml; do
        set -- "$@" "$(basename "$(dirname "$member")")"
    done
fi
for service in "$@"; do
    member=services/$service
    [ "$service" != gateway ] || member=gateway
    [ -f "$member/pyproject.toml" ] || { echo "build.sh: there is no service $service" >&2; exit 1; }
    # shellcheck disable=SC2086
    "$engine" build $format ${BUILD_ARGS:-} --file deploy/images/Dockerfile --tag "${REGISTRY:-dukan}/$service:${TAG:-dev}" \
        ${PYTHON_IMAGE:+--build-arg "PYTHON_IMAGE=$PYTHON_IMAGE"} \
        --build-arg "SERVICE=$service" --build-arg "MEMBER=$member" --build-arg "VERSION=${TAG:-dev}" .
done
