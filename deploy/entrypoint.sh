#!/bin/sh
# The database's password from its secret to where PostgreSQL's clients look for it, so that it stands in no URL and no variable.
set -eu
secret="${POSTGRES_PASSWORD_FILE:-/run/secrets/postgres_password}"
if [ -r "$secret" ]; then
    umask 077
    PGPASSFILE="$(mktemp)"
    export PGPASSFILE
    # `:` and `\` have a meaning in that file
    printf '*:*:*:%s:%s\n' "${PGUSER:-didban}" "$(sed 's/[:\\]/\\&/g' "$secret")" > "$PGPASSFILE"
fi
exec "$@"
