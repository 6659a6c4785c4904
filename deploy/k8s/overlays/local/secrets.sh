#!/bin/sh
# Creates the local overlay's namespace and Secrets with random passwords, and prints the administrator's password. Runs
# once only, because the database server stores the passwords. `DRY_RUN=1` only prints the objects.
set -eu
cd "$(dirname "$0")/../../../.."

apply() {
    if [ -n "${DRY_RUN:-}" ]; then cat; else kubectl apply --namespace dukan -f -; fi
}

secret() {
    name=$1
    shift
    kubectl create secret generic "$name" --dry-run=client --output yaml "$@" | apply
    echo ---
}

random() {
    od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

if [ -z "${DRY_RUN:-}" ]; then
    kubectl get namespace dukan >/dev/null 2>&1 || kubectl create namespace dukan
    ! kubectl get secret postgres --namespace dukan >/dev/null 2>&1 || { echo "the Secrets exist already" >&2; exit 1; }
fi

rabbit=$(random)
admin=$(random)
media=--from-literal=DUKAN_MEDIA_SECRET=$(random)
mail=--from-literal=DUKAN_MAIL_SECRET=$(random)
amqp=--from-literal=DUKAN_AMQP_URL=amqp://dukan:$rabbit@rabbitmq:5672/dukan
roles=
for service in auth catalog orders billing messaging notifications operations; do
    password=$(random)
    variable=$(echo "$service" | tr '[:lower:]' '[:upper:]')_DB_PASSWORD
    roles="$roles --from-literal=$variable=$password"
    set -- "$amqp" "--from-literal=DUKAN_DATABASE_URL=postgresql://dukan_$service:$password@postgres:5432/dukan_$service"
    if [ "$service" = auth ]; then
        set -- "$@" "$mail" "$media" "--from-literal=DUKAN_KEY_SECRET=$(random)" \
            --from-literal=DUKAN_ADMIN_EMAIL=admin@example.com "--from-literal=DUKAN_ADMIN_PASSWORD=$admin"
    elif [ "$service" = catalog ]; then
        set -- "$@" "$media"
    elif [ "$service" = notifications ]; then
        set -- "$@" "$mail"
    fi
    secret "$service-secrets" "$@"
done
secret gateway-secrets "$amqp"
# shellcheck disable=SC2086
secret postgres "--from-literal=POSTGRES_PASSWORD=$(random)" $roles
secret rabbitmq --from-literal=RABBITMQ_DEFAULT_USER=dukan "--from-literal=RABBITMQ_DEFAULT_PASS=$rabbit" \
    --from-literal=RABBITMQ_DEFAULT_VHOST=dukan
kubectl create configmap postgres-init --dry-run=client --output yaml --from-file=deploy/compose/databases.sh | apply
echo "administrator: admin@example.com $admin" >&2
