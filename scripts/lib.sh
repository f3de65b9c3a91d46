# shellcheck shell=bash
# What the development scripts share: where an instance lives, its ports, its processes.
# Sourced, never run. An instance is one folder (POSTRIDER_DEV_DIR, `.dev` unless told otherwise):
# its own engines, ports, data, logs, keys. Nothing outside the folder is touched, but for the
# packages (install.sh) and PostgreSQL's data where its user cannot enter the folder (postgres.sh).

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# From the checkout's root, whatever the working directory.
dev=$(cd "$repo" && realpath -m "${POSTRIDER_DEV_DIR:-.dev}")
# Names the instance to the machine: in process environments and in RabbitMQ's node name.
instance=$(printf '%s' "$dev" | sha256sum | cut -c1-10)

say() { printf '%s\n' "$*"; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# A path as somebody in the checkout would type it.
shown() { printf '%s' "${1#"$repo"/}"; }

is_root() { [ "$(id -u)" = 0 ]; }

# Makes the folder and keeps every other script that would change this instance waiting. $1 is the
# name of the lock. File descriptor 9 holds it until this script ends.
lock_instance() {
    mkdir -p "$dev"
    [ -O "$dev" ] || die "$dev belongs to $(stat -c %U "$dev"): run this as that user, or set POSTRIDER_DEV_DIR to another folder"
    mkdir -p "$dev/ports" "$dev/logs"
    exec 9>"$dev/$1.lock"
    flock -w 300 9 || die "another script has held $dev/$1.lock for five minutes"
}

# --- Ports ------------------------------------------------------------------------------------

# Prints the sockets (inodes) that listen on port $1, on any address. Read from the kernel: a probing
# connection would show in the logs of whoever is there.
listeners() {
    local tables=(/proc/net/tcp)
    [ ! -r /proc/net/tcp6 ] || tables+=(/proc/net/tcp6)
    awk -v port="$(printf ':%04X' "$1")" '$4 == "0A" && substr($2, length($2) - 4) == port { print $10 }' "${tables[@]}"
}

port_taken() { [ -n "$(listeners "$1")" ]; }

# Whether it is process $1 that listens on port $2, and not another that was there before.
listens_on() {
    local inode
    for inode in $(listeners "$2"); do
        [ -z "$(find "/proc/$1/fd" -lname "socket:\[$inode\]" 2>/dev/null)" ] || return 0
    done
    return 1
}

# The port remembered under the name $1; fails when there is none.
port_of() { cat "$dev/ports/$1" 2>/dev/null; }

# Chooses and remembers the port for $1, which must not be running: the remembered one or else the
# default $2, or else the next free one above. Defaults stay below 32768, where the kernel takes
# the local ports of outgoing connections from.
choose_port() {
    local name=$1 port limit file
    port=$(port_of "$name") || port=$2
    limit=$((port + 500))
    while port_taken "$port" || port_is_anothers "$name" "$port"; do
        port=$((port + 1))
        [ "$port" -lt "$limit" ] || die "no free port for $name below $limit"
    done
    file=$dev/ports/$name
    printf '%s\n' "$port" >"$file.new" && mv "$file.new" "$file"
}

# Whether this instance remembers port $2 under another name than $1.
port_is_anothers() {
    local file
    for file in "$dev"/ports/*; do
        [ -f "$file" ] && [ "${file##*/}" != "$1" ] && [ "$(cat "$file")" = "$2" ] && return 0
    done
    return 1
}

# --- Processes --------------------------------------------------------------------------------

# Starts the command "${@:3}" in the background, its pid in the file $1, its output in the file $2, and
# cut off from whoever started it: a session of its own, no input, no inherited descriptor (a lock, a
# pipe that somebody reads to its end). Its environment says whose it is, which live_pid relies on.
start_daemon() {
    local shell
    (
        exec </dev/null >>"$2" 2>&1
        for fd in "/proc/$BASHPID/fd/"*; do
            fd=${fd##*/}
            [ "$fd" -le 2 ] || eval "exec $fd>&-"
        done
        export POSTRIDER_INSTANCE=$instance
        exec setsid "${@:3}"
    ) &
    disown "$!"
    printf '%s\n' "$!" >"$1"
    # Until it is the command, it has this script's environment.
    shell=$(readlink "/proc/$$/exe")
    while [ "$(readlink "/proc/$!/exe")" = "$shell" ] && ! live_pid "$1" >/dev/null; do
        sleep 0.01
    done
}

# Prints the pid in file $1 if that process lives and is this instance's; a pid that has been given
# to another program since, or to another instance, is not.
live_pid() {
    local pid
    pid=$(cat "$1" 2>/dev/null) && [ -n "$pid" ] || return 1
    grep -zqx "POSTRIDER_INSTANCE=$instance" "/proc/$pid/environ" 2>/dev/null || return 1
    printf '%s\n' "$pid"
}

# Waits for the process in pid file $1 to be gone, at most $2 seconds.
wait_gone() {
    local deadline=$((SECONDS + $2))
    while live_pid "$1" >/dev/null; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}

# Stops the process in pid file $1: SIGTERM, and SIGKILL after $2 seconds.
stop_pid_file() {
    local pid
    if pid=$(live_pid "$1"); then
        kill -TERM "$pid" 2>/dev/null || true
        wait_gone "$1" "$2" || kill_pid_file "$1"
    fi
    rm -f "$1"
}

# Kills the process in pid file $1 without a warning, and what it has started in its session.
kill_pid_file() {
    local pid
    if pid=$(live_pid "$1"); then
        kill -KILL -- "-$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null || true
        wait_gone "$1" 10 || die "process $pid does not die"
    fi
    rm -f "$1"
}
