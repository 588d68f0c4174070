# syntax=docker/dockerfile:1
# The operator's image: `make image`, or `docker build -t slipway:0.1.0 .`
# PYTHON is the base of all stages, by its digest, so that a build can be repeated. docs/installation.md#the-image renews it.
ARG PYTHON=python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

FROM ${PYTHON} AS build
RUN pip install --no-cache-dir uv==0.13.8
# Bytecode is compiled here: the root file system is read-only where it runs.
ENV UV_PROJECT_ENVIRONMENT=/opt/slipway UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_NO_CACHE=1
WORKDIR /src
# Dependencies first: they change less often than the code.
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-dev --no-install-project
COPY README.md LICENSE ./
COPY operator operator
RUN uv sync --frozen --no-dev --no-editable && /opt/slipway/bin/slipway --version

# The page in the cluster (docs/dashboard.md) takes a web server, which the operator does without: `--target dashboard`.
FROM build AS build-dashboard
RUN uv sync --frozen --no-dev --no-editable --extra dashboard && /opt/slipway/bin/slipway dashboard --help

FROM ${PYTHON} AS dashboard
ARG VERSION=0.1.0 REVISION= CREATED=
LABEL org.opencontainers.image.title="slipway-dashboard" \
      org.opencontainers.image.description="The page of Slipway, served in the cluster behind an authenticating proxy." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY --from=build-dashboard /opt/slipway /opt/slipway
ENV PATH=/opt/slipway/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
ENTRYPOINT ["slipway", "dashboard"]

FROM ${PYTHON}
ARG VERSION=0.1.0 REVISION= CREATED=
LABEL org.opencontainers.image.title="slipway" \
      org.opencontainers.image.description="A Kubernetes operator that puts a new version in front of users on evidence and on a person's word." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY --from=build /opt/slipway /opt/slipway
ENV PATH=/opt/slipway/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
ENTRYPOINT ["slipway"]
CMD ["run"]
