"""Who is called what inside the installation, and where a container finds what is its own."""

POSTGRES, POLICY, RECEIPTS, WEB, ENFORCER = "postgres", "valkey-policy", "valkey-receipts", "web", "enforcer"
SERVERS = (POSTGRES, POLICY, RECEIPTS, WEB, ENFORCER)
PORTS = {POSTGRES: 5432, POLICY: 6379, RECEIPTS: 6380, WEB: 8443, ENFORCER: 8801}

DATABASE = "drawbridge"
SUPERUSER, OWNER, APP, MAINTENANCE = "postgres", "drawbridge_owner", "drawbridge_app", "drawbridge_maintenance"

SECRETS = "/run/drawbridge/secrets"  # each service has a volume of its own here
TLS = "/run/drawbridge/tls"  # a server's certificate and key
CA = "/run/drawbridge/trust/ca.pem"  # whom all believe
