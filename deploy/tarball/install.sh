#!/bin/sh
# Installation of an unpacked tarball, also over an earlier one: /opt/heddle, the systemd unit, meshd and meshctl in
# /usr/local/bin. With an argument it installs below that folder and does not touch systemd. Settings are left alone.
set -eu
root=${1-}
here=$(cd "$(dirname "$0")" && pwd)

# Where the unit finds its Node: a shell's PATH may have another one, of a version manager for instance.
service_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
PATH=$service_path node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
  { echo "Node 20.19 or newer is needed as \"node\" in /usr/local/bin or /usr/bin, where systemd looks for it" >&2; exit 1; }

mkdir -p "$root/opt" "$root/etc/systemd/system" "$root/usr/local/bin"
rm -rf "$root/opt/heddle.new" "$root/opt/heddle.old"
cp -R "$here/heddle" "$root/opt/heddle.new"
cp "$here/uninstall.sh" "$root/opt/heddle.new/uninstall.sh"
# A running meshd keeps its files open; its next children start from the new ones.
[ ! -e "$root/opt/heddle" ] || mv "$root/opt/heddle" "$root/opt/heddle.old"
mv "$root/opt/heddle.new" "$root/opt/heddle"
rm -rf "$root/opt/heddle.old"
cp "$here/heddle.service" "$root/etc/systemd/system/heddle.service"
for name in meshd meshctl; do ln -sf "/opt/heddle/dist/$name.js" "$root/usr/local/bin/$name"; done
[ -n "$root" ] || systemctl daemon-reload

cat <<TEXT
Heddle is in $root/opt/heddle. Next, as docs/operations.md says under "Install by hand":
  write /etc/heddle/config.yaml and /etc/heddle/cluster-secret
  meshctl preflight
  systemctl enable --now heddle
TEXT
