#!/bin/sh
# Start of the node service in a container. A container that is not privileged finds /proc/sys read-only; with CAP_SYS_ADMIN
# it may change its own mount. The agent writes settings of the network there, of the node and inside pods.
set -eu
[ -w /proc/sys/net/ipv4/ip_forward ] || mount -o remount,bind,rw /proc/sys
# Jobs run the command line with the same access.
if [ "${1-}" = meshctl ]; then
  shift
  exec node /opt/heddle/dist/meshctl.js "$@"
fi
exec node /opt/heddle/dist/meshd.js "$@"
