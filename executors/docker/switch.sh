# The first process of a container: runs the command given as arguments, and ends it when told to.
#
# Its stdin is the agent's connection to the engine, which nobody else writes to. A line there asks
# the command to end; the end of the file says that whoever launched it is dead, and that somebody
# else may run the task soon: three seconds of grace, well below any lease.
# The command runs in the foreground: in the background its SIGINT would be ignored for good.
# What it prints goes one way, stdout, so that it stays in order; the first line there is ours.
exec 3<&0 </dev/null 2>/dev/null
trap : TERM
trap switched=yes USR1
case $1 in
*/*) [ -e "$1" ] || { echo missing; exit 127; }
    { [ -x "$1" ] && [ ! -d "$1" ]; } || { echo refused; exit 126; } ;;
*) command -v "$1" >/dev/null || { echo missing; exit 127; } ;;
esac
{
    trap '' TERM INT HUP
    while read -r word <&3; do
        kill -s TERM 0
        kill -s CONT 0
    done
    kill -s USR1 $$
    kill -s TERM -- -1
    kill -s CONT -- -1
    sleep 3
    kill -s KILL -- -1
} >/dev/null &
echo run
(exec 2>&1 3<&-; exec "$@")
ended=$?
# An end of our making is told as SIGKILL, whatever the command made of it: it is no exit of its own,
# and whoever finds the container must not take it for one.
[ -z "$switched" ] || exit 137
exit $ended
