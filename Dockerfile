# syntax=docker/dockerfile:1
#
# docker build -t issuer .
# docker run --read-only -p 127.0.0.1:8000:8000 -v issuer-data:/data -e ISSUER_URL=http://127.0.0.1:8000 issuer
#
# The container listens on every address of its own, so ISSUER_URL must be said: it is the URL by which
# clients reach this server and the `iss` of every token. https, or http on a loopback host.
# Nothing is written outside /data: the root file system may be read-only and no /tmp is needed.

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /source
COPY . .
RUN python -m pip wheel --no-deps --wheel-dir /wheels .
RUN python -m venv /opt/issuer \
    && wheel="$(ls /wheels/issuer-*.whl)" \
    && /opt/issuer/bin/pip install "${wheel}[postgres]" \
    && /opt/issuer/bin/pip uninstall --yes pip

FROM python:3.13-slim
LABEL org.opencontainers.image.title="issuer" \
      org.opencontainers.image.description="An issuing authority for audience-scoped OAuth 2 tokens" \
      org.opencontainers.image.licenses="MIT"

RUN groupadd --system --gid 10001 issuer \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin issuer \
    && install --directory --owner 10001 --group 10001 --mode 0700 /data
COPY --from=build /opt/issuer /opt/issuer

ENV PATH=/opt/issuer/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ISSUER_BIND=0.0.0.0:8000 \
    ISSUER_DATA_DIR=/data

# A number, so that Kubernetes can tell that it is not root (runAsNonRoot).
USER 10001:10001
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8000
STOPSIGNAL SIGTERM

# The path of ISSUER_URL is kept, proxies are not asked, and every status but 200 raises.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.parse, urllib.request as r; r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1:8000' + urllib.parse.urlsplit(os.environ.get('ISSUER_URL', '')).path + '/healthz', timeout=2)"]

ENTRYPOINT ["issuer"]
CMD ["serve"]
