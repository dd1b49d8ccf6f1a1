# Two images: `controlplane` (web, worker, publisher, commands) and `enforcer` (no Django); `enforcer-sample` adds an MCP
# server to the latter, for docker-compose.yml. Packages come from hash-locked wheels alone; nothing is compiled, and no
# final stage holds pip. Everything runs as 999, the user that the images of PostgreSQL and Valkey have too, so that what
# one service writes into a volume another can read without anybody being root.
ARG PYTHON=python:3.11.14-slim-bookworm

FROM ${PYTHON} AS installer
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore
COPY requirements/ /requirements/

# Our own distribution: the enforcer and what says its version. The control plane needs its directories beside it.
FROM installer AS project
RUN python -m pip install --no-deps --only-binary :all: --require-hashes --requirement /requirements/build.lock
COPY pyproject.toml README.md LICENSE /project/
COPY enforcer/ /project/enforcer/
RUN python -m pip wheel --no-deps --no-build-isolation --no-index --wheel-dir /wheels /project

FROM installer AS controlplane-packages
RUN python -m venv --without-pip /opt/drawbridge \
 && python -m pip --python /opt/drawbridge/bin/python install --no-deps --only-binary :all: --require-hashes \
        --requirement /requirements/controlplane.lock
COPY --from=project /wheels/ /wheels/
RUN python -m pip --python /opt/drawbridge/bin/python install --no-deps --no-index /wheels/*.whl

FROM installer AS enforcer-packages
RUN python -m venv --without-pip /opt/drawbridge \
 && python -m pip --python /opt/drawbridge/bin/python install --no-deps --only-binary :all: --require-hashes \
        --requirement /requirements/enforcer.lock
COPY --from=project /wheels/ /wheels/
RUN python -m pip --python /opt/drawbridge/bin/python install --no-deps --no-index /wheels/*.whl

FROM installer AS sample-server
RUN python -m venv --without-pip /opt/mcp-server-time \
 && python -m pip --python /opt/mcp-server-time/bin/python install --no-deps --only-binary :all: --require-hashes \
        --requirement /requirements/sample-server.lock

FROM ${PYTHON} AS runtime
ENV HOME=/tmp \
    LANG=C.UTF-8 \
    PATH=/opt/drawbridge/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1
RUN groupadd --gid 999 drawbridge \
 && useradd --uid 999 --gid 999 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin drawbridge \
 && install --directory --owner 999 --group 999 --mode 0700 /var/lib/enforcer \
 && rm -rf /usr/local/bin/pip* /usr/local/lib/python3.*/ensurepip /usr/local/lib/python3.*/site-packages/*
WORKDIR /app

FROM runtime AS enforcer
RUN apt-get update \
 && apt-get install --yes --no-install-recommends bubblewrap \
 && rm -rf /var/lib/apt/lists/*
COPY --from=enforcer-packages /opt/drawbridge /opt/drawbridge
COPY deploy/__init__.py deploy/
COPY deploy/health/__init__.py deploy/health/url.py deploy/health/
USER 999:999
EXPOSE 8801
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-m", "deploy.health.url", "https://localhost:8801/readyz"]
ENTRYPOINT ["enforcer"]
CMD ["--help"]

FROM enforcer AS enforcer-sample
COPY --from=sample-server /opt/mcp-server-time /opt/mcp-server-time

FROM runtime AS controlplane
# Where volumes are mounted: a new volume takes owner and mode of the directory here.
RUN install --directory --owner 999 --group 999 --mode 0700 \
        /var/lib/drawbridge-keys \
        /volumes/init \
        /volumes/postgres /volumes/postgres-tls \
        /volumes/valkey-policy /volumes/valkey-policy-tls \
        /volumes/valkey-receipts /volumes/valkey-receipts-tls \
        /volumes/migrate /volumes/publisher /volumes/worker /volumes/watch \
        /volumes/web /volumes/web-tls \
        /volumes/enforcer-tls \
 && install --directory --owner 999 --group 999 --mode 0755 /var/lib/drawbridge /volumes/trust
COPY --from=controlplane-packages /opt/drawbridge /opt/drawbridge
COPY manage.py ./
COPY deploy/ deploy/
COPY controlplane/ controlplane/
COPY templates/ templates/
RUN DJANGO_SETTINGS_MODULE=deploy.collect_settings python manage.py collectstatic --no-input
RUN python -m compileall -q .
USER 999:999
EXPOSE 8443
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-m", "deploy.health.url", "https://localhost:8443/healthz"]
CMD ["python", "-m", "gunicorn", "controlplane.config.wsgi", "--config", "python:deploy.gunicorn_conf"]
