# shellcheck shell=bash
# The instance's RabbitMQ: configure, start, stop. Sourced by `engines`.
# A node of its own beside any other on the machine: its own name, cookie, ports and epmd (Erlang's
# name server), all on 127.0.0.1 and below the instance's folder. Debian's /usr/sbin/rabbitmq-server
# insists on the system's node, so the program behind it is run directly.

rb_server=/usr/lib/rabbitmq/bin/rabbitmq-server
rb_dir=$dev/rabbitmq
rb_log=$dev/logs/rabbitmq.log
# Three processes: Erlang's epmd, the start script, and the node (which writes its pid itself).
rb_epmd_pid=$rb_dir/epmd.pid
rb_script_pid=$rb_dir/script.pid
rb_node_pid=$rb_dir/node.pid

rb_installed() { [ -x "$rb_server" ]; }

# Fails if the broker has never been up.
rb_url() {
    local port
    port=$(port_of amqp) && printf 'amqp://guest:guest@127.0.0.1:%s/%%2f\n' "$port"
}

rb_pid() { live_pid "$rb_node_pid"; }

rb_start() {
    local try
    if rb_answers; then return; fi
    rb_stop
    for try in 1 2 3; do
        rb_choose_ports
        rb_configure
        rb_launch
        if rb_wait; then return; fi
        rb_kill
        # Only if somebody took a port at the same moment is there something to try again.
        rb_ports_taken || break
    done
    die "RabbitMQ does not start (tried $try times):
$(tail -n 30 "$rb_log")"
}

rb_stop() {
    stop_pid_file "$rb_node_pid" 30
    stop_pid_file "$rb_script_pid" 10
    stop_pid_file "$rb_epmd_pid" 5
}

rb_kill() {
    kill_pid_file "$rb_node_pid"
    kill_pid_file "$rb_script_pid"
    kill_pid_file "$rb_epmd_pid"
}

# Stops at once: what the node holds is removed anyway.
rb_wipe() {
    rb_kill
    rm -rf "$rb_dir"
}

rb_choose_ports() {
    choose_port amqp 26672
    choose_port dist 27672
    choose_port epmd 28369
}

rb_ports_taken() {
    port_taken "$(port_of amqp)" || port_taken "$(port_of dist)" || port_taken "$(port_of epmd)"
}

rb_configure() {
    mkdir -p "$rb_dir/home" "$rb_dir/conf.d"
    chmod 700 "$rb_dir"
    if [ ! -s "$rb_dir/home/.erlang.cookie" ]; then
        (umask 077 && head -c 32 /dev/urandom | sha256sum | cut -c1-64 >"$rb_dir/home/.erlang.cookie")
        chmod 400 "$rb_dir/home/.erlang.cookie"
    fi
    : >"$rb_dir/rabbitmq-env.conf"
    printf '[].\n' | tee "$rb_dir/enabled_plugins" >"$rb_dir/advanced.config"
    cat >"$rb_dir/rabbitmq.conf" <<END
listeners.tcp.1 = 127.0.0.1:$(port_of amqp)
log.console = true
log.console.level = info
log.console.use_colors = off
log.file = false
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 50MB
END
}

# Every path that would otherwise be the system's is named; nothing of the caller's environment stays.
rb_env() {
    printf '%s\n' \
        "POSTRIDER_INSTANCE=$instance" "PATH=$PATH" "HOME=$rb_dir/home" LANG=C.UTF-8 \
        ERL_EPMD_ADDRESS=127.0.0.1 "ERL_EPMD_PORT=$(port_of epmd)" \
        "RABBITMQ_NODENAME=postrider_$instance@localhost" \
        "RABBITMQ_DIST_PORT=$(port_of dist)" \
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}" \
        "RABBITMQ_PID_FILE=$rb_node_pid" \
        "RABBITMQ_MNESIA_BASE=$rb_dir/mnesia" \
        "RABBITMQ_LOG_BASE=$rb_dir/log" \
        "RABBITMQ_GENERATED_CONFIG_DIR=$rb_dir/generated" \
        "RABBITMQ_SCHEMA_DIR=$rb_dir/schema" \
        "RABBITMQ_CONF_ENV_FILE=$rb_dir/rabbitmq-env.conf" \
        "RABBITMQ_CONFIG_FILE=$rb_dir/rabbitmq.conf" \
        "RABBITMQ_CONFIG_FILES=$rb_dir/conf.d" \
        "RABBITMQ_ADVANCED_CONFIG_FILE=$rb_dir/advanced.config" \
        "RABBITMQ_ENABLED_PLUGINS_FILE=$rb_dir/enabled_plugins"
}

rb_launch() {
    local env
    mapfile -t env < <(rb_env)
    # Started here, because the node would start one that outlives it and has no pid file.
    # In its own folder: a node that is killed while it starts leaves a dump where it was started.
    start_daemon "$rb_epmd_pid" "$rb_log" env -C "$rb_dir" -i "${env[@]}" epmd
    start_daemon "$rb_script_pid" "$rb_log" env -C "$rb_dir" -i "${env[@]}" "$rb_server"
}

# Waits until the node answers, a minute at most; fails as soon as it has died.
rb_wait() {
    local deadline=$((SECONDS + 60))
    until rb_answers; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        live_pid "$rb_script_pid" >/dev/null || return 1
        sleep 0.1
    done
}

# Whether our node opens an AMQP connection: it sends a method frame (type 1) for our header.
rb_answers() {
    local pid port
    pid=$(rb_pid) && port=$(port_of amqp) && listens_on "$pid" "$port" || return 1
    (
        exec 7<>"/dev/tcp/127.0.0.1/$port"
        printf 'AMQP\0\0\11\1' >&7
        IFS= read -r -t 5 -N 1 frame <&7
        [ "$frame" = $'\1' ]
    ) 2>/dev/null
}
