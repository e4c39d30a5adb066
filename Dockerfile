# syntax=docker/dockerfile:1
# Two programs on plain Debian: `penstock` (serve, worker, migrate, …) and its PDF worker beside it.

FROM rust:1.95-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpq-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package penstock \
    && cargo build --release --locked --package render \
    && mkdir /out \
    && cp target/release/penstock target/release/penstock-render /out/

FROM debian:bookworm-slim
# The database is another container's: the server programs for the embedded one are left out.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpq5 ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home --home-dir /var/lib/penstock penstock
COPY --from=build /out/ /usr/local/bin/
USER penstock
WORKDIR /var/lib/penstock
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["penstock"]
CMD ["serve"]
