# shellcheck shell=bash
# The instance's PostgreSQL: make its data folder, start, stop. Sourced by `engines`.
# PostgreSQL refuses root: root runs it as the user `postgres`, and if that user cannot come
# into the instance's folder the data lies under /var/tmp and is linked.

pg_link=$dev/postgres
# PostgreSQL is told the real path: its user may not be able to follow the link.
pg_set_paths() {
    pg_dir=$(readlink -m "$pg_link")
    pg_data=$pg_dir/data
    pg_log=$pg_dir/log
}
pg_set_paths

# Prints the folder of PostgreSQL's programs: of the version that made the data, else the newest, 15
# at least; fails when there is none.
pg_bin() {
    local version folder
    version=$(cat "$pg_data/PG_VERSION" 2>/dev/null) || version=
    for folder in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -Vr); do
        [ -x "$folder/postgres" ] || continue
        folder=${folder%/bin}
        [ "${folder##*/}" -ge 15 ] || continue
        [ -z "$version" ] || [ "$version" = "${folder##*/}" ] || continue
        printf '%s\n' "$folder/bin"
        return
    done
    return 1
}

# Runs "$@" as PostgreSQL's user, with nothing of the caller's environment.
pg_run() {
    local user=()
    if is_root; then user=(setpriv --reuid postgres --regid postgres --init-groups); fi
    (cd / && "${user[@]}" env -i PATH="$PATH" LANG=C.UTF-8 "$@")
}

# Fails if the server has never been up.
pg_url() {
    local port
    port=$(port_of postgres) && printf 'postgres://postrider@127.0.0.1:%s/postrider\n' "$port"
}

# Prints the pid of the running server. The pid file survives crashes and reboots, so the process
# must also have been started on this folder.
pg_pid() {
    local pid
    pid=$(head -n 1 "$pg_data/postmaster.pid" 2>/dev/null) && [ -n "$pid" ] || return 1
    grep -zqFx -e "$pg_data" "/proc/$pid/cmdline" 2>/dev/null || return 1
    printf '%s\n' "$pid"
}

pg_start() {
    local needed
    needed=$(cat "$pg_data/PG_VERSION" 2>/dev/null) || true
    pg_bin >/dev/null || die "no PostgreSQL ${needed:-15 or later} is installed${needed:+; scripts/engines wipe removes the data that needs it}"
    if ! pg_pid >/dev/null; then
        pg_make_folder
        [ -f "$pg_data/PG_VERSION" ] || pg_init
        pg_remove_stale_pid
        pg_launch_until $((SECONDS + 20))
    fi
    pg_make_database
}

# Tries again until the deadline $1: the port may have been taken at the same moment, and after a crash
# the last processes of the server before this one may still be leaving.
pg_launch_until() {
    until choose_port postgres 25432 && pg_launch; do
        [ "$SECONDS" -lt "$1" ] || die "PostgreSQL does not start:
$(tail -n 20 "$pg_log")"
        sleep 0.5
    done
}

pg_launch() {
    local settings
    settings="-c port=$(port_of postgres) -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
    settings+=" -c max_connections=200 -c fsync=${POSTRIDER_ENGINES_FSYNC:-on} -c synchronous_commit=on -c logging_collector=off"
    (
        # The server inherits what is open here, and must not keep the instance locked.
        exec 9>&-
        pg_run "$(pg_bin)/pg_ctl" start -s -w -t 60 -D "$pg_data" -l "$pg_log" -o "$settings" </dev/null >/dev/null 2>&1
    )
}

# $1: fast, or immediate (as a crash: the next start recovers from the log).
pg_stop() {
    pg_pid >/dev/null || return 0
    pg_run "$(pg_bin)/pg_ctl" stop -s -w -t 30 -D "$pg_data" -m "$1" >/dev/null 2>&1 ||
        pg_run "$(pg_bin)/pg_ctl" stop -s -w -t 30 -D "$pg_data" -m immediate
}

pg_wipe() {
    pg_stop immediate
    rm -rf "$pg_dir" "$pg_link"
}

pg_make_folder() {
    if [ ! -d "$pg_link" ]; then
        # A link whose target is gone, if anything.
        rm -f "$pg_link"
        if pg_run test -x "$dev"; then
            mkdir "$pg_link"
        else
            ln -s "$(mktemp -d /var/tmp/postrider-postgres.XXXXXX)" "$pg_link"
        fi
        pg_set_paths
        chmod 700 "$pg_dir"
        if is_root; then chown postgres: "$pg_dir"; fi
    fi
    pg_run test -w "$pg_dir" || die "PostgreSQL's user cannot write to $pg_dir; scripts/engines wipe removes it"
}

# The data folder appears under its name when it is complete, so that an interrupted run leaves none.
pg_init() {
    rm -rf "$pg_data" "$pg_data.new"
    pg_run "$(pg_bin)/initdb" --username=postrider --auth=trust --encoding=UTF8 --locale=C \
        --pgdata="$pg_data.new" >"$dev/logs/initdb.log" 2>&1 || die "initdb failed:
$(tail -n 20 "$dev/logs/initdb.log")"
    # shellcheck disable=SC2016
    pg_run sh -c 'echo "host all postrider 127.0.0.1/32 trust" >"$1/pg_hba.conf"' sh "$pg_data.new"
    mv "$pg_data.new" "$pg_data"
}

# PostgreSQL believes a pid file whose number another process of the same user has by now, as happens
# after a reboot. A dead number it judges itself.
pg_remove_stale_pid() {
    local pid
    pid=$(head -n 1 "$pg_data/postmaster.pid" 2>/dev/null) && [ -d "/proc/$pid" ] || return 0
    if ! pg_pid >/dev/null; then rm -f "$pg_data/postmaster.pid"; fi
}

pg_make_database() {
    local psql
    psql=("$(pg_bin)/psql" -X -h 127.0.0.1 -p "$(port_of postgres)" -U postrider -d postgres -qtA -v ON_ERROR_STOP=1)
    if [ -z "$(pg_run "${psql[@]}" -c "SELECT 1 FROM pg_database WHERE datname = 'postrider'")" ]; then
        pg_run "${psql[@]}" -c 'CREATE DATABASE postrider'
    fi
}
