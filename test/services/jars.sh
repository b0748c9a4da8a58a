# For the start scripts, which have set `here`, `fail`, `service`, `version`, `cache` and `home` (where the jars are to be)
# and have `install_into FOLDER`: makes `home` if need be, and sets `jdk`.

find_jdk() {
  local candidate release best='' newest=20
  for candidate in "${JAVA_HOME:-}" /usr/lib/jvm/*; do
    [ -n "$candidate" ] && [ -x "$candidate/bin/javac" ] || continue
    release=$("$candidate/bin/javac" -version 2>&1 | sed -E 's/^[^0-9]*([0-9]+).*/\1/')
    if [ "$candidate" = "${JAVA_HOME:-}" ] && [ "$release" -ge 21 ]; then echo "$candidate"; return; fi
    if [ "$release" -gt "$newest" ]; then newest=$release best=$candidate; fi
  done
  [ -n "$best" ] || return 1
  echo "$best"
}

# Two first starts may come at once: one at a time where flock exists, and complete folders only, by rename.
install_once() {
  [ ! -d "$home" ] || return 0
  command -v mvn >/dev/null || fail "Maven (mvn) is needed to fetch $service $version"
  mkdir -p "$cache"
  exec 9>"$cache/.lock"
  if command -v flock >/dev/null; then flock 9; fi
  if [ ! -d "$home" ]; then
    local staging
    staging=$(mktemp -d "$cache/.staging-XXXXXX")
    trap 'rm -rf "$staging"' EXIT
    install_into "$staging"
    mv -T "$staging" "$home" 2>/dev/null || [ -d "$home" ] || fail "cannot create $home"
    rm -rf "$staging"
    trap - EXIT
  fi
  exec 9>&-
}

jdk=$(find_jdk) || fail "no JDK 21 or newer in JAVA_HOME or /usr/lib/jvm: install one, or set JAVA_HOME"
install_once
