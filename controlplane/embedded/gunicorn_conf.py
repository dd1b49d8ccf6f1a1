"""gunicorn of the embedded control plane: one worker that dies with its parent; no control socket.

It logs as Django does; the access log is `controlplane.observability.middleware`, which knows routes.
"""

from controlplane.config.settings import ENVIRONMENT
from controlplane.embedded.supervisor import LIBC, PR_SET_PDEATHSIG
from controlplane.observability.logs import gunicorn_logging_for

workers = 1
threads = 4
worker_class = "gthread"
control_socket_disable = True
preload_app = False
logconfig_dict = gunicorn_logging_for(ENVIRONMENT.log_format)


def post_fork(server: object, worker: object) -> None:  # noqa: ARG001 - gunicorn calls it so
    """The worker is a grandchild of `up`, which its parent's death signal does not reach."""
    LIBC.prctl(PR_SET_PDEATHSIG, 9)
