#!/bin/sh
# Installs edge-daemon as a systemd service, or brings an installed one up to date. May be run any number of times.
#
#   systemd/install.sh [--profile buoy|drone|bench] [--source DIR|WHEEL] [--python PYTHON] [--start]
#   systemd/install.sh --uninstall [--purge]
#
#   --source    what is installed, a folder or a wheel (default: the checkout that contains this script)
#   --python    the interpreter (default: /usr/bin/python3)
#   --extras    optional parts, such as "prometheus"
#   --unlocked  take the newest packages, unchecked, where systemd/locks has none for this Python or processor
#   --start     start the service afterwards; one that runs is restarted in any case
#   --uninstall remove program and unit; settings, recordings and the database stay
#   --purge     with --uninstall: remove those and the user too
#   --root DIR  install below DIR instead of /, without touching the running system (for images and tests)
#
# Where a C compiler is, the compiled kernel is built, which takes less memory and time; none is needed.
#
# A new release is built beside the one in use and tried; one renaming puts it in force. If it is not ready at two
# starts, the former one comes back by itself.
set -eu
umask 022 # the daemon's user must be able to read the program

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
called_from=$PWD
# Nothing of the folder or the environment that this was called from may be taken for a part of Python.
cd /
unset PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONUSERBASE
unset CPATH C_INCLUDE_PATH LIBRARY_PATH COMPILER_PATH GCC_EXEC_PREFIX # likewise of the C compiler
source_dir=$(dirname -- "$here")
profile=buoy
python=/usr/bin/python3
extras=
locked=yes
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

# A path as the caller means it.
absolute() {
    case $1 in
        /*) printf '%s' "$1" ;;
        *) printf '%s/%s' "$called_from" "$1" ;;
    esac
}

while [ $# -gt 0 ]; do
    case $1 in
        --profile | --source | --python | --extras | --root)
            [ $# -ge 2 ] || fail "$1 needs a value"
            case $1 in
                --profile) profile=$2 ;;
                --source) source_dir=$(absolute "$2") ;;
                --python) case $2 in */*) python=$(absolute "$2") ;; *) python=$2 ;; esac ;;
                --extras) extras=$(printf '%s' "$2" | tr ',' ' ') ;;
                --root) root=$(absolute "${2%/}") ;;
            esac
            shift
            ;;
        --unlocked) locked=no ;;
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
releases=$program/releases
settings=$root/etc/edge-daemon
state=$root/var/lib/edge-daemon
unit=$root/etc/systemd/system/edge-daemon.service
page_unit=$root/etc/systemd/system/edge-daemon-page.service
sysusers=$root/etc/sysusers.d/edge-daemon.conf
tmpfiles=$root/etc/tmpfiles.d/edge-daemon.conf

# True if this installs on the running system, and systemd runs it.
live() { [ -z "$root" ] && [ -d /run/systemd/system ]; }

if [ -z "$root" ] && [ "$(id -u)" -ne 0 ]; then
    fail "must be run as root: sudo $0"
fi

if [ "$uninstall" = yes ]; then
    if live; then
        systemctl disable --now edge-daemon-page.service edge-daemon.service 2>/dev/null || true
    fi
    rm -f "$unit" "$page_unit" "$sysusers" "$tmpfiles"
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
"$python" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    fail "needs Python 3.11 or later at $python: apt-get install python3, or give another with --python"
"$python" -I -c 'import venv, ensurepip' 2>/dev/null || fail "needs Python's venv: apt-get install python3-venv"
case $("$python" -I -c 'import os, sys; print(os.path.realpath(sys.executable))') in
    ~root/* | /home/*) fail "$python is in a home folder, which the service cannot see: apt-get install python3" ;;
esac
[ -e "$source_dir" ] || fail "there is nothing to install at $source_dir"
for extra in $extras; do
    [ "$locked" = no ] || [ -f "$here/locks/$extra.txt" ] ||
        fail "systemd/locks has nothing for the extra '$extra'; leave it out, or install with --unlocked"
done
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
mkdir -p "$releases"
if command -v flock >/dev/null; then
    exec 9>"$program/installing"
    flock -n 9 || fail "another installer is at work"
fi

# Where a link leads, or nothing.
leads_to() { readlink "$program/$1" || true; }

# Remove releases that no link leads to: what an interrupted installer has left, and the one before the former.
clear_away() {
    for old in "$releases"/*; do
        case releases/${old##*/} in
            "$(leads_to venv)" | "$(leads_to former)") ;;
            *) rm -rf "$old" ;;
        esac
    done
}
clear_away

name=
release=$(mktemp -d "$releases/$(date -u +%Y%m%dT%H%M%SZ).XXXX")
trap '[ "$(leads_to venv)" = "$name" ] || rm -rf "$release"' EXIT
chmod 0755 "$release"
name=releases/${release##*/}
new() { "$release/bin/python" -I "$@"; }
with_pip() {
    environment=$1
    shift
    "$environment/bin/python" -I -m pip "$@" --quiet --disable-pip-version-check
}

"$python" -I -m venv "$release"
if [ "$locked" = no ]; then
    with_pip "$release" install --upgrade "$source_dir${extras:+[$(printf '%s' "$extras" | tr ' ' ',')]}"
else
    wheel=$source_dir
    if [ -d "$source_dir" ]; then
        workshop=$release/workshop
        "$python" -I -m venv "$workshop"
        with_pip "$workshop" install --only-binary :all: --require-hashes -r "$here/locks/build.txt" ||
            fail "the tools that build the program cannot be had; install from a wheel, or with --unlocked"
        with_pip "$workshop" wheel --no-deps --no-build-isolation --wheel-dir "$workshop/wheels" "$source_dir"
        wheel=$(echo "$workshop"/wheels/*.whl)
    fi
    for lock in daemon $extras; do
        with_pip "$release" install --only-binary :all: --require-hashes -r "$here/locks/$lock.txt" ||
            fail "what $here/locks/$lock.txt names cannot be had; --unlocked takes what the index offers"
    done
    with_pip "$release" install --no-deps --no-index "$wheel"
    rm -rf "$release/workshop"
fi

# Try it, before anything that is in use is touched.
version=$(new -m edge_daemon --version) || fail "the new release does not start"
with_pip "$release" check >/dev/null || fail "the packages of the new release do not fit together"
new -m edge_daemon model info >/dev/null || fail "the new release cannot open its model"
# The compiled kernel scores in less time and memory than ONNX Runtime, with the same detections. A release's wheel brings
# it; else it is built where a C compiler is, and tried in any case. Without it all works, too.
if told=$(new -m edge_daemon.backends.compiled --keep 2>&1); then
    say "Scoring: the compiled kernel"
elif ! command -v cc >/dev/null; then
    say "Scoring: ONNX Runtime; with a C compiler (apt-get install gcc libc6-dev) it would be a kernel that takes less memory"
else
    rm -f "$release"/lib/python3*/site-packages/edge_daemon/backends/compiled/kernel.*.so
    told=$(printf '%s' "$told" | head -n 1)
    say "Scoring: ONNX Runtime; the compiled kernel cannot be had: ${told:-it crashed}"
fi
check() { "$1/bin/python" -I -m edge_daemon config check --offline "$settings/config.yaml"; }
if [ -e "$settings/config.yaml" ] && ! told=$(check "$release" 2>&1); then
    printf '%s\n' "$told" >&2
    if [ -x "$program/venv/bin/python" ] && check "$program/venv" >/dev/null 2>&1; then
        fail "the new release refuses $settings/config.yaml, which the installed one takes; nothing was changed"
    fi
    warn "$settings/config.yaml does not work yet"
fi

# Scripts name the link that leads to the release in force, and the place where they will be below another root.
new - "$release" <<'END'
import pathlib, sys

built = sys.argv[1].encode()
release = pathlib.Path(sys.argv[1])
for file in (release / "pyvenv.cfg", *(release / "bin").iterdir()):
    if file.is_file() and not file.is_symlink() and built in (content := file.read_bytes()):
        file.write_bytes(content.replace(built, b"/opt/edge-daemon/venv"))
END

# Put a link in its place by one renaming: link NAME TARGET
link() {
    rm -f "$program/$1.new"
    ln -s "$2" "$program/$1.new"
    mv -T "$program/$1.new" "$program/$1"
}

# Put a file in its place by one renaming: place SOURCE TARGET
place() {
    install -D -m 0644 "$1" "$2.new"
    mv "$2.new" "$2"
}

cp "$here/edge-daemon.service" "$release/edge-daemon.service"
place "$here/trial.sh" "$program/trial.sh"
rm -f "$program/refused"
sync
if [ -d "$program/venv" ] && [ ! -L "$program/venv" ]; then
    # 0.1.0 was installed as a folder of this name: folder and link change places at once.
    ln -s "$name" "$releases/first"
    link former releases/first
    : >"$program/trial"
    "$python" -I - "$program/venv" "$releases/first" <<'END' || fail "the folder $program/venv cannot be replaced"
import ctypes, os, sys

HERE, EXCHANGE = -100, 2
one, other = map(os.fsencode, sys.argv[1:])
sys.exit(ctypes.CDLL(None).renameat2(HERE, one, HERE, other, EXCHANGE) != 0)
END
    if [ -f "$unit" ]; then
        cp "$unit" "$releases/first/edge-daemon.service"
    fi
else
    if [ -n "$(leads_to venv)" ]; then
        link former "$(leads_to venv)"
        : >"$program/trial"
    fi
    link venv "$name"
fi
sync
clear_away
say "Version: ${version#edge-daemon }"

say "Unit: $unit"
place "$here/edge-daemon.service" "$unit"
place "$here/edge-daemon-page.service" "$page_unit" # enabled by whoever wants the page
place "$here/sysusers.d/edge-daemon.conf" "$sysusers"
place "$here/tmpfiles.d/edge-daemon.conf" "$tmpfiles"
if [ -n "$root" ]; then
    systemd-sysusers --root="$root" "$sysusers" 2>/dev/null || warn "could not create the user below $root"
else
    systemd-sysusers "$sysusers"
fi

mkdir -p "$settings"
if [ -e "$settings/config.yaml" ]; then
    say "Settings: $settings/config.yaml exists and was not changed"
else
    new -m edge_daemon config init --profile "$profile" --no-input --output "$settings/config.yaml" >/dev/null
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
    case $(systemctl show -p ActiveState --value edge-daemon.service) in
        active | activating | reloading) start=yes ;;
    esac
    if [ "$start" = yes ]; then
        say "Starting it"
        systemctl restart edge-daemon.service || true
        waited=0
        while [ -e "$program/trial" ] && [ "$waited" -lt 400 ]; do
            sleep 1
            waited=$((waited + 1))
        done
        [ ! -e "$program/refused" ] ||
            fail "the new release was not ready at two starts; the former one is in force again: journalctl -u edge-daemon"
    fi
    systemctl try-restart edge-daemon-page.service || true
elif [ -n "$root" ]; then
    systemctl --root="$root" enable --quiet edge-daemon.service 2>/dev/null || warn "could not enable the unit"
fi

say "Next: edit /etc/edge-daemon/config.yaml, then"
say "  /opt/edge-daemon/venv/bin/edge-daemon config check /etc/edge-daemon/config.yaml"
if [ "$start" = no ]; then
    say "  systemctl start edge-daemon"
fi
