#!/bin/sh
# Removal of what install.sh installed and of what Heddle made on this host. With --purge also the node's identity and record of
# addresses. /etc/heddle stays. With a folder as first argument it removes the files below that folder only.
set -eu
root=
case "${1-}" in /*) root=$1 && shift ;; esac

if [ -z "$root" ]; then
  systemctl disable --now heddle || true
  meshctl uninstall "$@"
fi
rm -f "$root/etc/systemd/system/heddle.service" "$root/usr/local/bin/meshd" "$root/usr/local/bin/meshctl"
[ -n "$root" ] || systemctl daemon-reload
rm -rf "$root/opt/heddle"
