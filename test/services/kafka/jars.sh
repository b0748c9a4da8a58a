# For start.sh and read.sh, which have set `here` and `fail`: sets `version`, `home` (where the jars are) and `java`.
service=Kafka
version=${KAFKA_VERSION:-4.2.0}
cache=${KAFKA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sluice-test}
# Other jars lie beside those that other checkouts use.
home=$cache/kafka-$version-$(cksum <"$here/pom.xml" | cut -d' ' -f1)

install_into() {
  mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies \
    "-Dkafka.version=$version" -DincludeScope=runtime "-DoutputDirectory=$1/lib" >&2
}

# shellcheck source=test/services/jars.sh
source "$here/../jars.sh"
java=("$jdk/bin/java" -cp "$home/lib/*" "-Dlog4j2.configurationFile=file:$here/log4j2.yaml" -XX:+UseSerialGC)
