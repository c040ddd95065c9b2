# One image for every process: `api`, `operator`, `migrate`, `reconcile` ... It has no default role: the command says which.
#
#   docker build --build-arg BASE=python:3.11-slim-bookworm --build-arg REVISION=$(git rev-parse HEAD) -t hingecraft .
#
# Behind a proxy that intercepts TLS: --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt (nothing of it stays).
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
COPY requirements.lock requirements-image.lock /build/
RUN --mount=type=secret,id=ca,target=/run/secrets/ca \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi; \
    # The locks are complete: an old pip that looked for more would take newer releases for what is asked for with extras.
    export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 PIP_REQUIRE_HASHES=1 PIP_ONLY_BINARY=:all: \
      PIP_NO_DEPS=1 \
    && python3 -m venv --without-pip /hingecraft && python3 -m venv /installer \
    && /installer/bin/pip install --requirement /build/requirements-image.lock \
    && /installer/bin/pip --python /hingecraft install --requirement /build/requirements.lock
COPY core /build/core
COPY api /build/api
COPY operator /build/operator
COPY migrations /build/migrations
COPY wix/html/*.html wix/html/*.js /build/wix/html/
COPY wix/dashboard/built /build/wix/dashboard/built
COPY pyproject.toml README.md LICENSE NOTICE /build/
RUN export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 \
    && mkdir -p /build/sandbox/hingecraft_sandbox \
    # Nothing is fetched here: the build's own tools came with their hashes.
    && /installer/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /build/wheels /build \
    && /installer/bin/pip --python /hingecraft install --no-index --no-deps /build/wheels/*.whl \
    && mkdir /hingecraft/share/hingecraft \
    && /installer/bin/cyclonedx-py environment --output-reproducible --pyproject /build/pyproject.toml \
        --output-file /hingecraft/share/hingecraft/sbom.cdx.json /hingecraft/bin/python3 \
    # None of our processes imports the classes that are generated for each kind of Kubernetes object, twice.
    && cd /hingecraft/lib/python3*/site-packages \
    && rm -rf hingecraft_sandbox \
    && find kubernetes/client/models kubernetes/client/api kubernetes/aio/client/models kubernetes/aio/client/api \
        -type f ! -name __init__.py -delete \
    && find . -name '*.pyi' -delete && find . -type d \( -name tests -o -name __pycache__ \) -prune -exec rm -rf {} + \
    # Compiled here, since nothing can be written at run time; by content, so that the same sources give the same files.
    && python3 -m compileall -q --invalidation-mode unchecked-hash . \
    && find /hingecraft -exec touch --no-dereference --date=@0 {} +

FROM ${BASE}
ARG VERSION=1.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="hingecraft" \
      org.opencontainers.image.description="Donations for a Wix site by card and in crypto, with payment links in Postgres." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /hingecraft /hingecraft
ENV PATH=/hingecraft/bin:$PATH PYTHONSAFEPATH=1 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
ENTRYPOINT ["hingecraft"]
