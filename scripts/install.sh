# shellcheck shell=bash
# Installs the engines' Debian packages without the services that Debian would start with them.
# Sourced by `engines`, after lib.sh. Only root can; anybody else is told what to install.

# Installs what is missing of the packages "$@".
install_packages() {
    if ! is_root || ! command -v apt-get >/dev/null; then
        die "missing on this machine: $*
  Install with root's rights, on Debian:  apt-get install --no-install-recommends $*
  or name engines of your own:            DATABASE_URL=postgres://… AMQP_URL=amqp://…"
    fi
    say "installing $* (Debian packages; their own services stay off)"
    (
        exec 8>/run/postrider-install.lock
        flock 8
        trap allow_services EXIT
        trap 'exit 130' INT TERM
        forbid_services
        # Half an installation may have brought services, too.
        apt_install "$@" && failed=0 || failed=1
        disable_new_services
        exit "$failed"
    ) </dev/null || die "could not install $*; see $dev/logs/install.log"
}

# Tries with the package lists at hand, and again with fresh ones.
apt_install() {
    local log=$dev/logs/install.log
    local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends
        -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@")
    "${install[@]}" >>"$log" 2>&1 8>&- && return
    apt-get update -q -o Acquire::Retries=3 >>"$log" 2>&1 8>&- || true
    "${install[@]}" >>"$log" 2>&1 8>&-
}

policy=/usr/sbin/policy-rc.d
policy_mark='Postrider: only while it installs packages'
no_cluster=/etc/postgresql-common/createcluster.d/postrider-no-main-cluster.conf
# Everything that the packages bring and that would start with the machine.
units=(postgresql.service rabbitmq-server.service epmd.service epmd.socket)

# For the time of the installation: package scripts may start nothing and make no cluster.
forbid_services() {
    local unit
    known_units=()
    for unit in "${units[@]}"; do
        [ ! -e "/lib/systemd/system/$unit" ] || known_units+=("$unit")
    done
    # One of ours is what a run that was killed has left, and so is what it had put aside.
    if [ -e "$policy" ] && ! grep -qs "$policy_mark" "$policy"; then mv "$policy" "$policy.before-postrider"; fi
    printf '#!/bin/sh\n# %s\nexit 101\n' "$policy_mark" >"$policy"
    chmod 755 "$policy"
    mkdir -p "${no_cluster%/*}"
    printf 'create_main_cluster = false\n' >"$no_cluster"
}

# Undoes what forbid_services did.
allow_services() {
    rm -f "$policy" "$no_cluster"
    [ ! -e "$policy.before-postrider" ] || mv "$policy.before-postrider" "$policy"
}

# Keeps the services that came just now from starting with the machine; older ones stay as they are.
disable_new_services() {
    local unit
    for unit in "${units[@]}"; do
        if [[ " ${known_units[*]} " == *" $unit "* ]]; then continue; fi
        rm -f "/etc/systemd/system/"*".wants/$unit"
        [ ! -e "/etc/init.d/${unit%.*}" ] ||
            update-rc.d "${unit%.*}" disable >/dev/null 2>&1 || true
    done
}
