# Ends a launched tree when its supervisor dies, even by SIGKILL.
#
# usage: deadman.sh GROUP ENTRY ENTRY [FOLDER...]
# GROUP is the command's process group; the ENTRYs, NAME=value, are the launch's mark, or
# empty; the FOLDERs are its cgroups. The only writer of our stdin is the supervisor: a line
# says that all is over, the end of the file without one says that it died. Its lease runs out
# soon after, and somebody else may then run the task again: three seconds of grace, well
# below any lease.
trap '' HUP INT TERM
read -r word && exit 0

group=$1 task=$2 attempt=$3
shift 3

# What left the group still carries the mark. Again and again, for it may fork meanwhile.
# grep's own verdict says nothing: it counts the processes of others, unreadable, as errors.
end_marked() {
    for round in 1 2 3 4 5 6 7 8 9 10; do
        marked=$(grep -lsxzF -e "$task" /proc/[0-9]*/environ)
        [ -n "$marked" ] || return
        marked=$(grep -lsxzF -e "$attempt" $marked)
        [ -n "$marked" ] || return
        for file in $marked; do
            pid=${file#/proc/}
            kill -s KILL "${pid%/environ}"
        done
    done
}

# Whoever is in one of its cgroups belongs to the launch. The kernel takes a moment to let go.
remove() {
    for round in 1 2 3 4 5; do
        rmdir "$1" && return
        for pid in $(cat "$1/cgroup.procs"); do
            kill -s KILL "$pid"
        done
        rmdir "$1" && return
        sleep 1
    done
}

kill -s TERM -- "-$group"
kill -s CONT -- "-$group"
for second in 1 2 3; do
    kill -s 0 -- "-$group" || break
    sleep 1
done
kill -s KILL -- "-$group"

[ -z "$task" ] || end_marked
for folder; do
    remove "$folder"
done
