# docker build -t sluice .
# docker run --read-only --tmpfs /tmp -v sluice-data:/data -v ./sluice.yaml:/data/sluice.yaml:ro --env-file .env sluice

FROM node:24 AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

# The base by its tag, which moves with the security fixes of Node and Debian: rebuild with `--pull` when they come out, and
# write down what was built (`docker buildx imagetools inspect node:24-slim`). On 2026-10-09 the tag stood for this, with
# Node 24.21.0, as public records of that day say; it was not pulled here:
# node:24-slim@sha256:d6aa754f16b3197301076f047b5def2f02ea1dbbc2ca920407d46d7ec7f87b20
FROM node:24-slim
ENV NODE_ENV=production SLUICE_CONFIG=/data/sluice.yaml MALLOC_ARENA_MAX=2
WORKDIR /app
COPY --from=build /build/package.json /build/LICENSE ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/bin ./bin
COPY --from=build /build/dist ./dist
COPY --from=build /build/examples ./examples
# Everything that changes is in /data: the state, the files of the NDJSON sink, the demo. The rest may be read-only.
# What is made there is this user's alone; volumes that belong to a group: docs/files.md.
RUN chmod 755 bin/sluice.js && ln -s /app/bin/sluice.js /usr/local/bin/sluice && mkdir /data && chown node:node /data
USER node
WORKDIR /data
VOLUME /data

# Needs health.port in the config. While nothing is configured, the container counts as unhealthy, which it is.
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s --retries=3 CMD sluice health || exit 1

# The exec form: SIGTERM reaches Sluice itself, which delivers and commits the batch at hand. It gives up
# a write that takes longer than 8 s, so the usual 10 s of `docker stop` are enough.
STOPSIGNAL SIGTERM
ENTRYPOINT ["sluice"]
CMD ["run"]
