#!/usr/bin/env bash
# A Slurm cluster of two nodes on this machine, on loopback, in a folder of its own, without systemd.
#   slurm_cluster.sh start FOLDER      munge, the controller and two nodes
#   slurm_cluster.sh node FOLDER c1    one node again, after it died
#   slurm_cluster.sh stop FOLDER       ends exactly the processes that it started
set -euo pipefail
verb=$1
root=$(realpath -m "$2")
name=$(hostname -s)
export SLURM_CONF=$root/etc/slurm.conf

# Starts a daemon without the open files of whoever waits for this script to end.
daemon() (
    for file in /proc/"$BASHPID"/fd/*; do
        number=${file##*/}
        if [ "$number" -gt 2 ]; then eval "exec $number>&-"; fi
    done
    exec "$@" </dev/null >>"$root/log/daemons.log" 2>&1
)

case $verb in
start)
    mkdir -p "$root"/{etc,state,log,run}
    chmod 755 "$root" "$root"/{log,run}
    # What is queued again waits until its credential has expired, 120 seconds where nothing is said.
    # Ports of this folder's own, so that two clusters can live side by side.
    port=$((20000 + $(cksum <<<"$root" | cut -d' ' -f1) % 20000))
    cat >"$SLURM_CONF" <<CONF
ClusterName=test
SlurmctldHost=$name(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$root/run/munge.socket,cred_expire=5
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
KillWait=5
MinJobAge=600
MaxArraySize=5
SlurmdTimeout=5
SchedulerParameters=sched_interval=1,batch_sched_delay=0,requeue_delay=1
SlurmctldPidFile=$root/run/slurmctld.pid
SlurmdPidFile=$root/run/slurmd.%n.pid
StateSaveLocation=$root/state
SlurmdSpoolDir=$root/spool.%n
SlurmctldLogFile=$root/log/slurmctld.log
SlurmdLogFile=$root/log/slurmd.%n.log
NodeName=c0 NodeHostname=$name NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=2
NodeName=c1 NodeHostname=$name NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=2
PartitionName=debug Nodes=c0,c1 Default=YES MaxTime=INFINITE State=UP
CONF
    (umask 077 && head -c 1024 /dev/urandom >"$root/etc/munge.key")
    daemon munged --force --key-file="$root/etc/munge.key" --socket="$root/run/munge.socket" \
        --pid-file="$root/run/munged.pid" --log-file="$root/log/munged.log" \
        --seed-file="$root/run/munged.seed"
    daemon slurmctld -f "$SLURM_CONF"
    daemon slurmd -f "$SLURM_CONF" -N c0
    daemon slurmd -f "$SLURM_CONF" -N c1
    for _ in $(seq 200); do
        [ "$(sinfo -h -t idle -o %D 2>/dev/null || true)" = 2 ] && exit 0
        sleep 0.1
    done
    echo "the nodes did not come up: see $root/log" >&2
    exit 1
    ;;
node)
    daemon slurmd -f "$SLURM_CONF" -N "$3"
    ;;
stop)
    scancel --full --signal=KILL --user="$(id -un)" 2>/dev/null || true
    # Daemons that inherited a blocked TERM from the test do not see it, so those that stay are killed.
    for daemon in slurmd.c0 slurmd.c1 slurmctld munged; do
        [ -f "$root/run/$daemon.pid" ] || continue
        pid=$(cat "$root/run/$daemon.pid")
        kill "$pid" 2>/dev/null || continue
        for _ in $(seq 20); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.05
        done
        kill -KILL "$pid" 2>/dev/null || true
    done
    ;;
esac
