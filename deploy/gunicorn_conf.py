"""gunicorn in a container: TLS on every address, no control socket, no access log. WEB_CONCURRENCY says how many."""

from deploy.names import PORTS, TLS, WEB

bind = f"0.0.0.0:{PORTS[WEB]}"
certfile, keyfile = f"{TLS}/server.crt", f"{TLS}/server.key"
worker_class = "gthread"
threads = 4
graceful_timeout = 8
control_socket_disable = True
