# For start.sh and read.sh, which have set `here` and `fail`: sets `version`, `home` (where the jars are) and `java`.
version=${KAFKA_VERSION:-4.2.0}
cache=${KAFKA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sluice-test}
# Other jars lie beside those that other checkouts use.
home=$cache/kafka-$version-$(cksum <"$here/pom.xml" | cut -d' ' -f1)

release_of() { "$1/bin/javac" -version 2>&1 | sed -E 's/^[^0-9]*([0-9]+).*/\1/'; }

find_jdk() {
  local candidate release best='' newest=16
  for candidate in "${JAVA_HOME:-}" /usr/lib/jvm/*; do
    [ -n "$candidate" ] && [ -x "$candidate/bin/javac" ] || continue
    release=$(release_of "$candidate")
    if [ "$candidate" = "${JAVA_HOME:-}" ] && [ "$release" -ge 17 ]; then echo "$candidate"; return; fi
    if [ "$release" -gt "$newest" ]; then newest=$release best=$candidate; fi
  done
  [ -n "$best" ] || return 1
  echo "$best"
}

# Two first starts may come at once: one at a time where flock exists, and complete folders only, by rename.
install_once() {
  [ ! -d "$home" ] || return 0
  command -v mvn >/dev/null || fail "Maven (mvn) is needed to fetch Kafka $version"
  mkdir -p "$cache"
  exec 9>"$cache/.lock"
  if command -v flock >/dev/null; then flock 9; fi
  if [ ! -d "$home" ]; then
    local staging
    staging=$(mktemp -d "$cache/.staging-XXXXXX")
    trap 'rm -rf "$staging"' EXIT
    mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies \
      "-Dkafka.version=$version" -DincludeScope=runtime "-DoutputDirectory=$staging/lib" >&2
    mv -T "$staging" "$home" 2>/dev/null || [ -d "$home" ] || fail "cannot create $home"
    rm -rf "$staging"
    trap - EXIT
  fi
  exec 9>&-
}

jdk=$(find_jdk) || fail "no JDK 17 or newer in JAVA_HOME or /usr/lib/jvm: install one, or set JAVA_HOME"
install_once
java=("$jdk/bin/java" -cp "$home/lib/*" "-Dlog4j2.configurationFile=file:$here/log4j2.yaml" -XX:+UseSerialGC)
