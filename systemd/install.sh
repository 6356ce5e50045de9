#!/bin/sh
# Installs edge-daemon as a systemd service, or brings an installed one up to date. May be run any number of times.
#
#   systemd/install.sh [--profile buoy|drone|bench] [--source DIR|WHEEL] [--python PYTHON] [--start]
#   systemd/install.sh --uninstall [--purge]
#
#   --source    what pip installs, a folder or a wheel (default: the checkout that contains this script)
#   --python    the interpreter (default: /usr/bin/python3)
#   --extras    optional parts, such as "prometheus"
#   --start     start (or restart) the service afterwards
#   --uninstall remove program and unit; settings, recordings and the database stay
#   --purge     with --uninstall: remove those and the user too
#   --root DIR  install below DIR instead of /, without touching the running system (for images and tests)
set -eu
umask 022 # the daemon's user must be able to read the program

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
source_dir=$(dirname -- "$here")
profile=buoy
python=/usr/bin/python3
extras=
root=
start=no
uninstall=no
purge=no

say() { printf '%s\n' "$*"; }
warn() { printf 'WARNING: %s\n' "$*" >&2; }
fail() {
    printf 'install.sh: %s\n' "$*" >&2
    exit 1
}

while [ $# -gt 0 ]; do
    case $1 in
        --profile | --source | --python | --extras | --root)
            [ $# -ge 2 ] || fail "$1 needs a value"
            case $1 in
                --profile) profile=$2 ;;
                --source) source_dir=$2 ;;
                --python) python=$2 ;;
                --extras) extras=$2 ;;
                --root) root=${2%/} ;;
            esac
            shift
            ;;
        --start) start=yes ;;
        --uninstall) uninstall=yes ;;
        --purge) purge=yes ;;
        -h | --help)
            sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0"
            exit 0
            ;;
        *) fail "unknown option $1; see --help" ;;
    esac
    shift
done

program=$root/opt/edge-daemon
settings=$root/etc/edge-daemon
state=$root/var/lib/edge-daemon
unit=$root/etc/systemd/system/edge-daemon.service
sysusers=$root/etc/sysusers.d/edge-daemon.conf
tmpfiles=$root/etc/tmpfiles.d/edge-daemon.conf

# True if this installs on the running system, and systemd runs it.
live() { [ -z "$root" ] && [ -d /run/systemd/system ]; }

if [ -z "$root" ] && [ "$(id -u)" -ne 0 ]; then
    fail "must be run as root: sudo $0"
fi

if [ "$uninstall" = yes ]; then
    if live; then
        systemctl disable --now edge-daemon.service 2>/dev/null || true
    fi
    rm -f "$unit" "$sysusers" "$tmpfiles"
    rm -rf "$program"
    if live; then
        systemctl daemon-reload
    fi
    if [ "$purge" = yes ]; then
        rm -rf "$settings" "$state"
        if [ -z "$root" ] && id edge-daemon >/dev/null 2>&1; then
            userdel edge-daemon
        fi
        say "Removed: program, unit, settings, data and user."
    else
        say "Removed: program and unit. Kept: $settings and $state (remove them with --purge)."
    fi
    exit 0
fi

# Required, and recommended
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    fail "needs Python 3.11 or later at $python: apt-get install python3, or give another with --python"
"$python" -c 'import venv, ensurepip' 2>/dev/null || fail "needs Python's venv: apt-get install python3-venv"
case $("$python" -c 'import os, sys; print(os.path.realpath(sys.executable))') in
    ~root/* | /home/*) fail "$python is in a home folder, which the service cannot see: apt-get install python3" ;;
esac
[ -e "$source_dir" ] || fail "there is nothing to install at $source_dir"
if [ -z "$root" ]; then
    if ! /sbin/ldconfig -p | grep -q 'libportaudio\.so'; then
        warn "PortAudio is missing; sound cards cannot be opened: apt-get install libportaudio2"
    fi
    if ! getent group audio >/dev/null; then
        warn "there is no group 'audio'; check who may open /dev/snd"
    fi
    if ! timedatectl show --property=NTPSynchronized --value 2>/dev/null | grep -q yes; then
        warn "the clock is not synchronised; detections will say so: apt-get install systemd-timesyncd (or chrony)"
    fi
fi

say "Program: $program"
mkdir -p "$program"
if ! "$program/venv/bin/python" -c '' 2>/dev/null; then
    "$python" -m venv --clear "$program/venv"
fi
# run as a module, like everything here: scripts contain the path where they will run, which --root changes
pip() { "$program/venv/bin/python" -m pip "$@" --quiet --disable-pip-version-check; }
pip install --upgrade "$source_dir${extras:+[$extras]}"
# pip skips a version that is already installed; the program itself is always replaced
pip install --force-reinstall --no-deps "$source_dir"
if [ -n "$root" ]; then
    "$program/venv/bin/python" - "$program" <<'END'
import pathlib, sys

built = sys.argv[1].encode()
venv = pathlib.Path(sys.argv[1], "venv")
for file in (venv / "pyvenv.cfg", *(venv / "bin").iterdir()):
    if file.is_file() and not file.is_symlink() and built in (content := file.read_bytes()):
        file.write_bytes(content.replace(built, b"/opt/edge-daemon"))
END
fi

say "Unit: $unit"
install -D -m 0644 "$here/edge-daemon.service" "$unit"
install -D -m 0644 "$here/sysusers.d/edge-daemon.conf" "$sysusers"
install -D -m 0644 "$here/tmpfiles.d/edge-daemon.conf" "$tmpfiles"
if [ -n "$root" ]; then
    systemd-sysusers --root="$root" "$sysusers" 2>/dev/null || warn "could not create the user below $root"
else
    systemd-sysusers "$sysusers"
fi

mkdir -p "$settings"
if [ -e "$settings/config.yaml" ]; then
    say "Settings: $settings/config.yaml exists and was not changed"
else
    "$program/venv/bin/python" -m edge_daemon config init --profile "$profile" --no-input --output "$settings/config.yaml" >/dev/null
    say "Settings: $settings/config.yaml, profile $profile"
fi
if [ -n "$root" ]; then
    systemd-tmpfiles --root="$root" --create "$tmpfiles" 2>/dev/null || warn "could not set permissions below $root"
else
    systemd-tmpfiles --create "$tmpfiles"
fi

if live; then
    systemctl daemon-reload
    systemctl enable --quiet edge-daemon.service
    if [ "$start" = yes ]; then
        systemctl restart edge-daemon.service
    fi
elif [ -n "$root" ]; then
    systemctl --root="$root" enable --quiet edge-daemon.service 2>/dev/null || warn "could not enable the unit"
fi

say "Next: edit /etc/edge-daemon/config.yaml, then"
say "  /opt/edge-daemon/venv/bin/edge-daemon config check /etc/edge-daemon/config.yaml"
if [ "$start" = no ]; then
    say "  systemctl start edge-daemon"
fi
