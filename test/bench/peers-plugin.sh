# Heddle as a case of a peers benchmark (PEERS_PLUGIN=test/bench/peers-plugin.sh): the real daemons with their handshake,
# in the two node namespaces that the benchmark made, and pods attached by the CNI executable. Needs a built dist/.
# shellcheck shell=bash disable=SC2154  # NS_*, UND_*, WORK, PIDFILE come from the benchmark
HEDDLE_BENCH_DIST=${HEDDLE_BENCH_DIST:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../../dist" && pwd)}

desc_heddle="Heddle, encrypted, TypeScript in user space, routed pods by CNI (L3)"
case_heddle_ok() { [ -f "$HEDDLE_BENCH_DIST/meshd.js" ] && have node && have nft; }

heddle_pod_cidr() { [ "$1" = A ] && echo 10.40.1.0/24 || echo 10.40.2.0/24; }

heddle_start() { # heddle_start A|B: one node's meshd
  local w=$1
  spawn "$w" "heddle$w" node "$HEDDLE_BENCH_DIST/meshd.js" --config "$WORK/none.yaml" \
    --node-name "node$w" --pod-cidrs "$(heddle_pod_cidr "$w")" --cluster-cidrs 10.40.0.0/16 \
    --seeds "$(und "$(peer "$w")")" --listen-address "$(und "$w")" \
    --cluster-secret-file "$WORK/secret" --state-dir "$WORK/state$w" --run-dir "$WORK/run$w" \
    --api-socket "$WORK/run$w/api.sock" --api-address '' --bridge-name "$BRIDGE" --tap-name hd-tap \
    --log-level warn ${HEDDLE_BENCH_FLAGS:-}
}

heddle_cni() { # heddle_cni A|B VERB: what a container runtime does
  local w=$1 pod=$NS_PODA
  [ "$w" = B ] && pod=$NS_PODB
  printf '{"cniVersion":"1.0.0","name":"heddle","type":"heddle-cni"}' |
    HEDDLE_CNI_SOCKET="$WORK/run$w/cni.sock" CNI_COMMAND=$2 CNI_CONTAINERID="bench$w" CNI_NETNS="/run/netns/$pod" \
      CNI_IFNAME=eth0 CNI_PATH="$HEDDLE_BENCH_DIST" node "$HEDDLE_BENCH_DIST/heddle-cni.js"
}

heddle_until() { # heddle_until SECONDS cmd...: try until it succeeds
  local i n=$(($1 * 5)); shift
  for i in $(seq "$n"); do "$@" >/dev/null 2>&1 && return 0; sleep 0.2; done
  return 1
}

heddle_peer_up() { node "$HEDDLE_BENCH_DIST/meshctl.js" --socket "$WORK/run$1/api.sock" peers -o json | grep -q '"state": *"up"'; }

case_heddle_up() {
  local w pid
  topo_nodes
  echo '{}' >"$WORK/none.yaml"
  head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$WORK/secret"; chmod 600 "$WORK/secret"
  for w in A B; do heddle_start $w; done
  for w in A B; do heddle_until 20 heddle_cni $w ADD || return 1; done
  for w in A B; do heddle_until 20 heddle_peer_up $w || return 1; done
  # The daemons that meshd started count as well.
  for pid in $(cat "$PIDFILE"); do pgrep -P "$pid"; done >>"$PIDFILE.children"
  cat "$PIDFILE.children" >>"$PIDFILE"
  SERVER_IP=$(ip -n "$NS_PODB" -4 -o addr show eth0 | awk '{sub("/.*", "", $4); print $4}')
  # A node's start is over: path MTU search, stand-by router, and V8's collections of what starting left (0.4 s of processor time).
  sleep 12
}
