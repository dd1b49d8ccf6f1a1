#!/bin/sh
# Once: a policy for the sample server, and its enforcer's secrets and file in the volume that only the enforcer mounts.
set -eu
home=/var/lib/enforcer
file=$home/sample.toml
[ ! -e "$file" ] || exit 0

enrol() {
    python manage.py enroll sample --server time --data-dir "$home/sample" \
        --listen 0.0.0.0:8801 --public-url "$ENFORCER_URL" \
        --tls /run/drawbridge/tls/server.crt /run/drawbridge/tls/server.key "$@" \
        --command -- /opt/mcp-server-time/bin/python -m mcp_server_time --local-timezone UTC > "$file.part"
}

python manage.py apply deploy/sample.yaml
rm -rf "$home/sample" # no file: no enforcer ever ran with what is in there
enrol || enrol --rotate # the id may be left from a start that was cut off here
mv "$file.part" "$file"
