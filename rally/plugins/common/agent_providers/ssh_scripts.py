#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.


"""What runs on a host that is reached by SSH: plain POSIX ``sh``.

A script goes to ``sh -s`` through standard input, so nothing of it is seen in
a list of processes, whatever the login shell of the user is. What it answers
is in lines that begin with ``MARK``: a login shell may print anything else.

All that belongs to an agent is in one folder: its keys, its spool, its log,
and who it is. A process is known by its number, the moment it began and the
boot of its host, so a number that is used again is never taken for it.

What is installed is shared by the agents of many tasks. When something is
installed, the least recently used goes, see ``ENVIRONMENTS``.
"""

from __future__ import annotations

import re
import shlex
import typing as t

from rally.plugins.common.agent_providers import environment

MARK = "rally-agent:"
#: below the home of the user there, unless XDG says otherwise
CACHE_WORD = "(cache)"
CACHE = '"${XDG_CACHE_HOME:-$HOME/.cache}"/rally'
#: lines of a log that are shown
TAIL_LINES = 20
#: what the script that starts an agent answers if one runs
RUNS = ("started", "runs")
ENDED = "ended"
#: how long an agent may take to end before it is killed, seconds
END_S = 15
#: the end status of a script after which results are left on the host
KEPT = 3
#: ... and of one that found no Rally to start
MISSING = 4
#: begins the line about a package that a host has
HAVE = "rally-has:"
#: how long one waits for another that installs the same, seconds
INSTALL_S = 600
#: the most recently used virtual environments stay on a host, so many of them,
#: and any that agents run in
ENVIRONMENTS = 3
#: for so long an agent is taken to run that is not of this boot: it may be of
#: another host with the same home
DOUBT_S = 30 * 24 * 3600

#: ``born PID`` prints since when a process runs; nothing: it does not
_BORN = r"""
born() {
    if [ ! -r /proc/self/stat ]; then
        ps -o lstart= -p "$1" 2>/dev/null
        return
    fi
    read -r line 2>/dev/null <"/proc/$1/stat" || return
    set -- ${line##*) }
    [ "$1" = Z ] && return
    shift 19
    echo "$(cat /proc/sys/kernel/random/boot_id) $1"
}
"""

_ALIVE = r"""
alive() {
    [ -s pid ] || return 1
    { read -r pid; read -r since; } <pid
    [ -n "$since" ] && [ "$(born "$pid")" = "$since" ]
}
pause() { sleep 0.2 2>/dev/null || sleep 1; }
# whether it certainly does not run: one of another boot may be of another
# host with the same home, unless it began more than so many minutes ago
gone() {
    since=
    alive && return 1
    here=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)
    [ -z "$since" ] || [ -z "$here" ] || [ "${since%% *}" = "$here" ] || \
        [ -n "$(find pid -mmin "+$1" 2>/dev/null)" ]
}
say() { echo "@MARK@ $*"; }
log_end() { [ -f log ] && tail -n @LINES@ log; }
"""

#: run by the process that becomes the agent: it notes itself first
_RUN = _BORN + r"""
{ echo $$; born $$; } >pid || exit 1
exec "$@"
"""

_START = r"""
umask 077
mkdir -p @FOLDER@ && chmod 700 @FOLDER@ && cd @FOLDER@ || {
    say 'its folder cannot be made'; exit 1
}
if alive; then say runs; exit 0; fi
rm -f pid
@USE@
cat >run <<'@END@' || { say 'its folder cannot be written to'; exit 1; }
@RUN@
@END@
@COMMAND@ --version >/dev/null </dev/null || { say @MISSING@; exit @STATUS@; }
if command -v setsid >/dev/null 2>&1; then session=setsid; else session=; fi
$session sh ./run @COMMAND@ @ARGUMENTS@ >log 2>&1 <<'@END@' &
@JOIN@
@END@
"""

_WATCH = r"""
count=0
while kill -0 $! 2>/dev/null && [ $count -lt 100 ]; do
    [ $count -ge 5 ] && alive && break
    count=$((count + 1)); pause
done
if alive; then say started; exit 0; fi
wait $!
status=$?
log_end
say "it ended at once with exit status $status"
exit 1
"""

_END = r"""
cd @FOLDER@ 2>/dev/null || { say ended; exit 0; }
if alive; then
    kill -TERM "$pid"
    count=0
    while alive && [ $count -lt @COUNT@ ]; do
        count=$((count + 1)); pause
    done
fi
if alive; then
    kill -KILL -- "-$pid" 2>/dev/null || kill -KILL "$pid"
    pause
fi
if alive; then say "process $pid does not end"; exit 1; fi
rm -f pid run log
set -- spool/*/*.chunk
if [ @DISCARD@ = no ] && [ -e "$1" ]; then say "$#"; exit @KEPT@; fi
folder=$PWD
cd / && rm -rf "$folder" || { say "$folder cannot be removed"; exit 1; }
rmdir "${folder%/*}" 2>/dev/null && rmdir "${folder%/*/*}" 2>/dev/null
say ended
exit 0
"""

_LOOK = r"""
umask 077
mkdir -p @CACHE@/wheels && cd @CACHE@/wheels || {
    say 'the folder for packages cannot be made'; exit 1
}
there=$(@PYTHON@ -c @INTERPRETER@ </dev/null) || { say @MISSING@; exit 1; }
: >@FOLDER@/looked  # until it is installed they have to stay
for each in *; do echo "@HAVE@ $each"; done
cd @FOLDER@ || exit 1
say "$there $PWD/parcel"
"""

#: in the folder of environments, with the lock of the newest: ``prune``
_PRUNE = r"""
used() {
    for folder in ../agents/*/*; do (
        cd "$folder" 2>/dev/null && [ -s environment ] && \
            ! gone @DOUBT@ && cat environment
    ) done | tr '\n' ' '
}
remove() {
    mkdir "$1.lock" 2>/dev/null || return  # it is being installed
    { echo $$; born $$; } >"$1.lock/pid"
    mv "$1" "$1.lock/old" && removed=$((removed + 1))
    rm -rf "$1.lock"
}
prune() {
    for each in *; do
        case $each in
            *.lock) [ -s "$each/pid" ] && (cd "$each" && gone @LIMIT@) && \
                        rm -rf "$each";;
            *) [ -e "$each/ready" ] || remove "$each";;
        esac
    done
    removed=0
    kept=0
    in_use=" $(used)"
    for ready in $(ls -t */ready); do
        each=${ready%/ready}
        kept=$((kept + 1))
        [ $kept -le @ENVIRONMENTS@ ] && continue
        case $in_use in *" $each "*) continue;; esac
        [ "$ready" -nt @DIGEST@/ready ] || remove "$each"
    done
    set -- ../agents/*/*/looked
    [ -e "$1" ] && return
    for each in ../wheels/*; do
        grep -qsx "${each##*/}" */wheels || rm -rf "$each"
    done
}
"""

#: its lock is noted as an agent is: one of a script that died is no lock
_INSTALL = r"""
umask 077
parcel=@FOLDER@/parcel
looked=@FOLDER@/looked
trap 'rm -rf "$parcel" "$parcel.d" "$looked"' EXIT
mkdir -p @CACHE@/venvs && cd @CACHE@/venvs || {
    say 'the folder for virtual environments cannot be made'; exit 1
}
count=0
until mkdir @DIGEST@.lock 2>/dev/null; do
    if [ $count -ge 5 ] && (cd @DIGEST@.lock 2>/dev/null && gone @LIMIT@)
    then
        rm -rf @DIGEST@.lock
    elif [ $count -ge @COUNT@ ]; then
        say 'something else has been installing it for too long'; exit 1
    fi
    count=$((count + 1)); pause
done
{ echo $$; born $$; } >@DIGEST@.lock/pid
trap '[ -e @DIGEST@/ready ] || rm -rf @DIGEST@
    rm -rf @DIGEST@.lock "$parcel" "$parcel.d" "$looked"' EXIT
if [ -e @DIGEST@/ready ]; then say installed 0; exit 0; fi
rm -rf @DIGEST@
if [ -s "$parcel" ]; then
    @PYTHON@ -m zipfile -e "$parcel" "$parcel.d" </dev/null || {
        say 'the packages that were sent cannot be unpacked'; exit 1
    }
    for each in "$parcel.d"/*; do
        [ -e "../wheels/${each##*/}" ] || mv "$each" ../wheels/ || {
            say 'no room for the packages'; exit 1
        }
    done
fi
@PYTHON@ -m venv @DIGEST@ </dev/null || {
    say 'its virtual environment cannot be made'; exit 1
}
cat >@DIGEST@.lock/constraints <<'@END@'
@CONSTRAINTS@
@END@
@DIGEST@/bin/python -m pip install --quiet --no-input \
    --disable-pip-version-check --constraint @DIGEST@.lock/constraints \
    @PACKAGES@ </dev/null 2>@DIGEST@.lock/said || {
    cat @DIGEST@.lock/said
    package=$(sed -n 's/.*No matching distribution found for //p' \
        @DIGEST@.lock/said | head -n 1)
    package=${package%% *}
    say "pip cannot install ${package:-it}"@WHY@
    exit 1
}
printf '%s\n' @WHEELS@ >@DIGEST@/wheels
: >@DIGEST@/ready
rm -f "$looked"
prune
say installed $removed
exit 0
"""

_TAIL = r"""
cd @FOLDER@ 2>/dev/null && log_end
say shown
"""


def start(
    folder: str, command: t.Sequence[str], arguments: t.Sequence[str],
    join: str, digest: str = "",
) -> str:
    """Start an agent, unless it runs; its files will be in *folder*.

    :param folder: below ``CACHE``
    :param command: how ``rally`` is called there
    :param arguments: of it; paths are those in the folder
    :param join: what it reads from standard input: here, in no argument
    :param digest: of the environment that *command* is in; empty: it is none
        that ``install`` has made
    """
    words = " ".join(map(_word, command))
    use = digest and (
        "echo %s >environment; touch -c %s/venvs/%s/ready"
        % (digest, CACHE, digest)
    )
    missing = shlex.quote(
        "`%s` cannot be run there. Install Rally on it, name the program as "
        "`command`, or let it be installed (`install: true`)"
        % " ".join(command)
    )
    return _script(
        folder, _START + _WATCH, COMMAND=words, MISSING=missing, RUN=_RUN,
        ARGUMENTS=" ".join(map(shlex.quote, arguments)), JOIN=join.rstrip(),
        USE=use, STATUS=str(MISSING),
    )


def installed(digest: str) -> list[str]:
    """How the Rally is called that ``install`` installs."""
    return ["%s/venvs/%s/bin/rally" % (CACHE_WORD, digest)]


def look(folder: str, python: str) -> str:
    """Find out what packages a host needs; see ``seen``.

    :param folder: of the agent that is to be started
    :param python: the interpreter there
    """
    missing = shlex.quote(
        "`%s` cannot be run there. Install Python 3 on it, or name the "
        "program as `python`" % python
    )
    return _script(
        folder, _LOOK, PYTHON=_word(python), MISSING=missing, HAVE=HAVE,
        INTERPRETER=shlex.quote(environment.INTERPRETER),
    )


class Seen(t.NamedTuple):
    """What ``look`` has found."""

    interpreter: str
    parcel: str  # where to send packages to
    wheels: frozenset[str]  # digests of those that are there


def seen(said: str, output: str) -> Seen:
    """Read what ``look`` answers."""
    tag, platform, parcel = said.split(" ", 2)
    return Seen("%s %s" % (tag, platform), parcel, frozenset(
        line.removeprefix(HAVE).strip() for line in output.splitlines()
        if line.startswith(HAVE)
    ))


def receive(path: str) -> str:
    """A command for any login shell: keep in *path* what comes."""
    return "cat >%s" % shlex.quote(path)


def install(
    folder: str, digest: str, supply: environment.Supply, python: str
) -> str:
    """Install packages in a virtual environment, unless it is there.

    The wheels were sent before, or are in the cache.

    :param folder: of the agent that is to be started
    :param digest: of the environment, by which it is found again
    :param python: the interpreter there
    """
    packages = [
        *("../wheels/%s/%s" % (each.digest, each.file_name)
          for each in supply.wheels),
        *supply.fetched,
    ]
    options = [] if supply.constraints else ["--no-deps"]
    if not supply.why:
        options.append("--no-index")
    why = supply.why and (
        ": %s has to come from the package index that pip is configured to "
        "use there, since %s. Give pip an index that has it, or install "
        "Rally and the plugins there yourself (`command`)"
        % (", ".join(supply.fetched) or "what it requires", supply.why)
    )
    return _script(
        folder, _PRUNE + _INSTALL, DIGEST=digest, PYTHON=_word(python),
        COUNT=str(INSTALL_S * 5), WHY=shlex.quote(why),
        LIMIT=str(INSTALL_S // 60), DOUBT=str(DOUBT_S // 60),
        ENVIRONMENTS=str(ENVIRONMENTS),
        WHEELS=" ".join(each.digest for each in supply.wheels),
        PACKAGES=" ".join(map(shlex.quote, [*options, *packages])),
        CONSTRAINTS="\n".join(supply.constraints),
    )


def removed(said: str) -> int | None:
    """How many environments an installation has removed; None: it failed."""
    found = re.fullmatch(r"installed (\d+)", said)
    return int(found[1]) if found else None


def end(folder: str, discard: bool) -> str:
    """End an agent and remove its folder.

    :param discard: results that nobody fetched, too; else they stay, with
        the key that is needed to deliver them
    """
    return _script(
        folder, _END, COUNT=str(END_S * 5), KEPT=str(KEPT),
        DISCARD="yes" if discard else "no",
    )


def tail(folder: str) -> str:
    """Show the end of the log of an agent."""
    return _script(folder, _TAIL)


def _script(folder: str, body: str, **values: str) -> str:
    """*body* with its values; those are put in once, whatever they hold."""
    # one stream: SSH delivers two in any order, the middle of a line included
    text = "exec 2>&1\necho @MARK@\n" + _BORN + _ALIVE + body
    known = {
        "CACHE": CACHE,
        "FOLDER": "%s/agents/%s" % (CACHE, shlex.quote(folder)),
        "MARK": MARK,
        "LINES": str(TAIL_LINES),
        "END": "END_OF_WHAT_RALLY_SAYS",
        **values,
    }
    return re.sub(r"@([A-Z]+)@", lambda match: known[match[1]], text)


def _word(word: str) -> str:
    """*word* for a shell: as it is, but for a home or cache in front."""
    if word.startswith(CACHE_WORD):
        return CACHE + shlex.quote(word.removeprefix(CACHE_WORD))
    if word.startswith("~/"):
        return '"$HOME"/' + shlex.quote(word[2:])
    return shlex.quote(word)
