#!/usr/bin/env bash
# A real Kafka broker (KRaft, broker and controller in one process) in the foreground, from the jars on Maven Central.
# SIGTERM stops it.
#
#   start.sh PORT DATA_DIR [setting=value ...]     clients speak PLAINTEXT to PORT; settings win over those made here
#
#   KAFKA_VERSION          4.2.0 (default) or 4.4.0. 4.4.0 splits transactions of topics with replication 1 when its
#                          only broker is killed (KAFKA-20734): kill 4.2.0, or one broker of three
#   KAFKA_NODE             1: the broker's number in its cluster
#   KAFKA_ADVERTISED_PORT  PORT: where clients are told to come to, such as the port of a proxy in front
#   KAFKA_ADVERTISED_HOST  127.0.0.1
#   KAFKA_INTERNAL_PORT    PORT + 1: where brokers speak to each other
#   KAFKA_CONTROLLER_PORT  PORT + 2
#   KAFKA_VOTERS           NODE@127.0.0.1:CONTROLLER_PORT of every broker, with commas between; default: this one alone
#   KAFKA_SECURE_PORTS     "SSL SASL_SSL SASL_PLAINTEXT": three more ports; PLAIN for alice/alice-secret, SCRAM-SHA-256 and
#                          -512 for bob/bob-secret; clients find the authority in DATA_DIR/tls/ca.pem
#   KAFKA_HEAP             256m
#   KAFKA_LOG_LEVEL        WARN
#   KAFKA_CACHE            where jars are kept (default: sluice-test in the XDG cache folder)
#   JAVA_HOME              a JDK 21 or newer; otherwise the newest one in /usr/lib/jvm is taken
set -euo pipefail

fail() { echo "start.sh: $*" >&2; exit 1; }
[ $# -ge 2 ] || fail "usage: start.sh PORT DATA_DIR [setting=value ...]"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
port=$1 data=$2
shift 2
# shellcheck source=test/services/kafka/jars.sh
source "$here/jars.sh"
node=${KAFKA_NODE:-1}
internal=${KAFKA_INTERNAL_PORT:-$((port + 1))}
controller=${KAFKA_CONTROLLER_PORT:-$((port + 2))}
tls=$data/tls

# An authority, and a certificate for this machine signed by it.
make_certificates() {
  [ ! -f "$tls/broker.p12" ] || return 0
  mkdir -p "$tls"
  {
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=sluice-test-ca -keyout "$tls/ca.key" -out "$tls/ca.pem"
    openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout "$tls/broker.key" -out "$tls/broker.csr"
    echo 'subjectAltName=DNS:localhost,IP:127.0.0.1' >"$tls/broker.ext"
    openssl x509 -req -in "$tls/broker.csr" -CA "$tls/ca.pem" -CAkey "$tls/ca.key" -CAcreateserial -days 30 \
      -extfile "$tls/broker.ext" -out "$tls/broker.pem"
    openssl pkcs12 -export -in "$tls/broker.pem" -inkey "$tls/broker.key" -certfile "$tls/ca.pem" -name broker \
      -passout pass:changeit -out "$tls/broker.p12"
  } 2>"$tls/openssl.log" || fail "cannot make certificates: $(cat "$tls/openssl.log")"
}

secure_settings() {
  local listener modules=org.apache.kafka.common.security
  echo 'ssl.keystore.type=PKCS12'
  echo "ssl.keystore.location=$tls/broker.p12"
  echo 'ssl.keystore.password=changeit'
  echo 'ssl.key.password=changeit'
  echo 'sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512'
  for listener in sasl_ssl sasl_plaintext; do
    echo "listener.name.$listener.plain.sasl.jaas.config=$modules.plain.PlainLoginModule required user_alice=\"alice-secret\";"
    echo "listener.name.$listener.scram-sha-256.sasl.jaas.config=$modules.scram.ScramLoginModule required;"
    echo "listener.name.$listener.scram-sha-512.sasl.jaas.config=$modules.scram.ScramLoginModule required;"
  done
}

# Brokers have a way of their own to each other, so that a proxy in front of the clients' port never disturbs them. After
# a kill, a broker is let in again once its old session is over: the default of 9 s would be most of a test.
write_settings() {
  local others="INTERNAL://127.0.0.1:$internal" ports
  if [ -n "${KAFKA_SECURE_PORTS:-}" ]; then
    read -ra ports <<<"$KAFKA_SECURE_PORTS"
    others+=",SSL://127.0.0.1:${ports[0]},SASL_SSL://127.0.0.1:${ports[1]},SASL_PLAINTEXT://127.0.0.1:${ports[2]}"
  fi
  cat <<SETTINGS
process.roles=broker,controller
node.id=$node
controller.quorum.voters=${KAFKA_VOTERS:-$node@127.0.0.1:$controller}
listeners=CLIENT://127.0.0.1:$port,$others,CONTROLLER://127.0.0.1:$controller
advertised.listeners=CLIENT://${KAFKA_ADVERTISED_HOST:-127.0.0.1}:${KAFKA_ADVERTISED_PORT:-$port},$others
listener.security.protocol.map=CLIENT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL,SASL_PLAINTEXT:SASL_PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=INTERNAL
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
log.dirs=$data/log
auto.create.topics.enable=false
num.partitions=3
default.replication.factor=1
min.insync.replicas=1
offsets.topic.num.partitions=5
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=5
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.segment.bytes=134217728
log.cleaner.dedupe.buffer.size=8388608
num.network.threads=2
num.io.threads=4
background.threads=2
SETTINGS
  if [ -n "${KAFKA_SECURE_PORTS:-}" ]; then secure_settings; fi
  if [ $# -gt 0 ]; then printf '%s\n' "$@"; fi
}

# The storage is formatted before the first start; that is when SCRAM users are made.
format_once() {
  [ ! -f "$data/log/meta.properties" ] || return 0
  local users=()
  if [ -n "${KAFKA_SECURE_PORTS:-}" ]; then
    users=(--add-scram 'SCRAM-SHA-256=[name=bob,password=bob-secret]')
    users+=(--add-scram 'SCRAM-SHA-512=[name=bob,password=bob-secret]')
  fi
  "${java[@]}" -Xmx128m -XX:TieredStopAtLevel=1 kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qk \
    -c "$data/server.properties" "${users[@]}" >"$data/format.log" 2>&1 || fail "cannot format: $(cat "$data/format.log")"
}

# The open port is a good sign and no more: creating a topic may still need a second attempt.
announce() {
  for _ in $(seq 1200); do
    kill -0 $$ 2>/dev/null || return 0
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then echo "kafka $version ready 127.0.0.1:$port"; return 0; fi
    sleep 0.1
  done
}

mkdir -p "$data"
if [ -n "${KAFKA_SECURE_PORTS:-}" ]; then make_certificates; fi
write_settings "$@" >"$data/server.properties"
format_once
announce &
heap=${KAFKA_HEAP:-256m}
exec "${java[@]}" "-Xms$heap" "-Xmx$heap" -XX:+ExitOnOutOfMemoryError \
  -XX:+AutoCreateSharedArchive "-XX:SharedArchiveFile=$home/broker.jsa" '-Xlog:cds*=off' '-Xlog:aot*=off' \
  kafka.Kafka "$data/server.properties"
