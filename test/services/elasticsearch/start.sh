#!/usr/bin/env bash
# A real single-node Elasticsearch in the foreground, from the jars on Maven Central. SIGTERM stops it.
#
#   start.sh PORT DATA_DIR [setting=value ...]     PORT 0 takes any free port; the ready line names it
#
#   ES_VERSION    9.5.3 (default) or 8.19.5
#   ES_HEAP       512m
#   ES_CACHE      where jars are kept (default: sluice-test in the XDG cache folder)
#   JAVA_HOME     a JDK 21 or newer; otherwise the newest one in /usr/lib/jvm is taken
set -euo pipefail

fail() { echo "start.sh: $*" >&2; exit 1; }
[ $# -ge 2 ] || fail "usage: start.sh PORT DATA_DIR [setting=value ...]"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
port=$1 data=$2
shift 2
service=Elasticsearch
version=${ES_VERSION:-9.5.3}
cache=${ES_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sluice-test}
# A changed launcher is compiled anew, beside the one that other checkouts use.
home=$cache/elasticsearch-$version-$(cat "$here/pom.xml" "$here/EsNode.java" | cksum | cut -d' ' -f1)

# Lays the jars out as a distribution would: server on the class path, netty as a module beside it.
install_into() {
  local target=$1 netty=$1/modules/transport-netty4 zstd
  mkdir -p "$netty" "$target/config" "$target/lib/platform/linux-x64"
  mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies \
    "-Delasticsearch.version=$version" -DincludeScope=runtime "-DoutputDirectory=$target/lib" >&2
  mv "$target"/lib/netty-*.jar "$target"/lib/transport-netty4-*.jar "$netty/"
  # As a named module the plugin would look for the server as a module; ours is on the class path.
  unzip -p "$netty"/transport-netty4-*.jar META-INF/es-plugins/transport-netty4/plugin-descriptor.properties |
    sed '/^modulename=/d' >"$netty/plugin-descriptor.properties"
  # best_compression wants libzstd, which a distribution brings along.
  zstd=$(ldconfig -p 2>/dev/null | sed -nE 's/.*libzstd\.so\.1 .*x86-64.* => //p' | head -n 1)
  if [ -n "$zstd" ]; then ln -s "$zstd" "$target/lib/platform/linux-x64/libzstd.so"; fi
  "$jdk/bin/javac" -cp "$target/lib/*" -d "$target/classes" "$here/EsNode.java"
  "$jdk/bin/jar" --create --file "$target/lib/sluice-es-node.jar" -C "$target/classes" .
}

# shellcheck source=test/services/jars.sh
source "$here/../jars.sh"
mkdir -p "$data"
heap=${ES_HEAP:-512m}
exec "$jdk/bin/java" "-Xms$heap" "-Xmx$heap" -XX:+UseG1GC -XX:+ExitOnOutOfMemoryError \
  -XX:+AutoCreateSharedArchive "-XX:SharedArchiveFile=$home/classes.jsa" '-Xlog:cds*=off' '-Xlog:aot*=off' \
  --add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED \
  "-Des.path.home=$home" -Dorg.elasticsearch.nativeaccess.enableVectorLibrary=false \
  -Djava.awt.headless=true -Dlog4j.shutdownHookEnabled=false -Dlog4j2.disable.jmx=true \
  -Dio.netty.noUnsafe=true -Dio.netty.noKeySetOptimization=true -Dio.netty.recycler.maxCapacityPerThread=0 \
  -cp "$home/lib/*" EsNode "$home" "$data" "$port" "$@"
