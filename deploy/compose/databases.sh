#!/bin/sh
# The postgres image runs this once, on an empty volume: a role and a database for each service; no role may connect to
# another service's database.
set -eu
for service in auth catalog orders billing messaging notifications operations; do
    password=$(printenv "$(echo "$service" | tr '[:lower:]' '[:upper:]')_DB_PASSWORD")
    psql --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" \
        --set name="dukan_$service" --set password="$password" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
