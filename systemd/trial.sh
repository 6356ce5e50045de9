#!/bin/sh
# Watches over the first starts of a new release; the unit runs it as root.
#
#   trial.sh begin     before each start: if the new release has not been ready at two starts, the former one comes back
#   trial.sh ready     after READY: the new release has passed
#
# `venv` and `former` beside this script lead to releases; the file `trial`, which the installer makes, has a byte for
# each start of a release that is on trial. Each step is one rename, so that a power cut leaves the one or the other.
set -eu
umask 022
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cd "$here"
unit=${here%/opt/edge-daemon}/etc/systemd/system/edge-daemon.service

go_back() {
    if [ ! -x former/bin/python ] || [ "$(readlink former)" = "$(readlink venv)" ]; then
        rm -f trial
        return
    fi
    echo "edge-daemon: $1; going back from $(readlink venv) to $(readlink former)" >&2
    readlink venv >refused
    ln -s "$(readlink former)" "venv.$$"
    mv -T "venv.$$" venv
    if [ -f venv/edge-daemon.service ] && ! cmp -s venv/edge-daemon.service "$unit"; then
        cp venv/edge-daemon.service "$unit.$$"
        mv "$unit.$$" "$unit"
        systemctl --no-block daemon-reload || true
    fi
    rm -f trial
}

case ${1:-} in
    begin)
        if [ ! -x venv/bin/python ]; then
            go_back "the program is not there"
        elif [ -e trial ]; then
            if [ "$(wc -c <trial)" -lt 2 ]; then
                printf x >>trial
            else
                go_back "the new release was not ready at two starts"
            fi
        fi
        ;;
    ready) rm -f trial ;;
    *)
        echo "trial.sh: begin or ready?" >&2
        exit 1
        ;;
esac
