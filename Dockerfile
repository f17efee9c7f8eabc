# The service in a container, from the archive that `make package` builds:
#
#   make package && docker build -t bactrian .
#   docker run --rm -v "$PWD/work:/var/lib/bactrian" -e UPSTAGE_API_KEY bactrian
#
# The mounted folder must belong to user 10001. A stop must allow more than the service's 25 s: docker stop -t 40
FROM eclipse-temurin:21-jre AS archive
COPY target/bactrian-*-bin.tar.gz /tmp/bactrian.tar.gz
RUN mkdir /opt/bactrian && tar -xzf /tmp/bactrian.tar.gz -C /opt/bactrian --strip-components=1 --no-same-owner

FROM eclipse-temurin:21-jre
RUN groupadd --system --gid 10001 bactrian \
    && useradd --system --uid 10001 --gid bactrian --no-create-home --home-dir /var/lib/bactrian --shell /usr/sbin/nologin bactrian \
    && install -d -o bactrian -g bactrian -m 0750 /var/lib/bactrian
COPY --from=archive /opt/bactrian /opt/bactrian
# An archive of the classes, for a quicker start: the service must not write /opt/bactrian. Without the archive, as on a small
# machine that builds the image, the service only starts later.
RUN /opt/bactrian/bin/bactrian archive || true
USER 10001:10001
WORKDIR /var/lib/bactrian
VOLUME /var/lib/bactrian
# The management port listens on 127.0.0.1 in the container. The check asks for live and not ready, because a provider that
# is down is no reason to restart the container.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["curl", "--fail", "--silent", "--output", "/dev/null", "http://127.0.0.1:9876/observe/health/live"]
ENTRYPOINT ["/opt/bactrian/bin/bactrian"]
