#!/usr/bin/env bash
# Makes a bare Debian 12 root, puts a clone of HEAD into it and runs `./tk COMMAND…` there, as a newcomer would.
#
#   scripts/bare-debian.sh [DIR [COMMAND…]]      default: /tmp/tk-bare demo, then test
#
# Needs root and debootstrap. DIR/root is the root (kept and cleaned of the old clone if it is there already; delete
# it to begin from nothing). Mirrors, certificates and pip's settings are taken from this machine.
set -euo pipefail

source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
dir=${1:-/tmp/tk-bare}
[ $# = 0 ] || shift
root=$dir/root
[ "$(id -u)" = 0 ] || { echo "bare-debian: needs root, for chroot and debootstrap" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "bare-debian: needs debootstrap (apt-get install debootstrap)" >&2; exit 1; }

if [ ! -e "$root/made" ]; then
  mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Codename: bookworm' | head -n 1)
  echo "bare-debian: making $root (about a minute)"
  rm -rf "$root"
  mkdir -p "$root"
  debootstrap --variant=minbase bookworm "$root" "$mirror" >"$dir/debootstrap.log" ||
    { tail "$dir/debootstrap.log" >&2; exit 1; }
  # TK_BARE_SECURITY=no leaves the root with the main suite only, as debootstrap makes it.
  if [ "${TK_BARE_SECURITY:-yes}" = yes ]; then
    echo "deb $mirror-security bookworm-security main" >>"$root/etc/apt/sources.list"
  fi
  touch "$root/made"
fi

# How this machine reaches its registries.
cp /etc/resolv.conf /etc/hosts "$root/etc/"
for file in /etc/apt/apt.conf.d/*artifact* /etc/apt/apt.conf.d/*proxy* /etc/pip.conf /usr/local/share/ca-certificates/*.crt; do
  [ -f "$file" ] && install -D -m 644 "$file" "$root$file"
done
settings=(HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "TERM=${TERM:-dumb}")
while IFS= read -r name; do
  settings+=("$name=${!name}")
done < <(compgen -e | grep -E '^(PIP_|(http|https|no|HTTP|HTTPS|NO)_?(proxy|PROXY)$)')

rm -rf "$root/srv/tk"
git clone --quiet --no-hardlinks "$source" "$root/srv/tk"

inside() {
  # A mount namespace of its own: nothing is left mounted, whatever happens in there.
  unshare --mount --pid --fork --kill-child bash -euc '
    root=$1; shift
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    exec env -i "$@"' bash "$root" "${settings[@]}" chroot "$root" /bin/bash -c 'cd /srv/tk && exec ./tk "$@"' tk "$@"
}

begin=$SECONDS
if [ $# = 0 ]; then
  inside demo
  echo "bare-debian: demo after $((SECONDS - begin)) s"
  inside test
else
  inside "$@"
fi
echo "bare-debian: $((SECONDS - begin)) s"
