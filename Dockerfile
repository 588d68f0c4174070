# The operator's image: `make image`, or `docker build -t slipway:0.1.0 .`
FROM python:3.13-slim AS build
RUN pip install --no-cache-dir uv
ENV UV_PROJECT_ENVIRONMENT=/opt/slipway UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /src
# Dependencies first: they change less often than the code.
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-dev --no-install-project
COPY README.md LICENSE ./
COPY operator operator
RUN uv sync --frozen --no-dev --no-editable

FROM python:3.13-slim
COPY --from=build /opt/slipway /opt/slipway
ENV PATH=/opt/slipway/bin:$PATH
USER 65532:65532
ENTRYPOINT ["slipway"]
CMD ["run"]
