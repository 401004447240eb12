"""A random run: agents, their lines and the server fail as a seed says, and no task is lost or done twice."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chaos.checks import Story, complaints, standing, story
from chaos.conftest import PROPERTY
from chaos.fleet import Fleet, marked, naming
from chaos.schedule import plan
from chaos.work import Desk, captured, jobs, read_book
from faults.server import OwnServer
from flow.world import World, eventually

from elsewhere.contract import keys
from elsewhere.store.redis import RedisStore

AGENTS = 4
SLOTS = 2
LEASE_SECONDS = 3.0
OPTIONS = ("--slots", str(SLOTS), "--heartbeat", "0.5", "--lease", f"{LEASE_SECONDS:g}", "--grace", "2")
TASKS_PER_SECOND = 450 / 180
PATIENCE_SECONDS = 600.0
"""For what is left to do when everything is healed; it takes far less, but machines differ."""
POISONED_AT_MOST = 0.05
"""Part of the tasks that may lose three attempts in a row to so many faults."""


@pytest.fixture
def server() -> Iterator[OwnServer]:
    """A server that has on disk what it has acknowledged."""
    server = OwnServer()
    yield server
    server.close()


@pytest.fixture
def world(tmp_path: Path) -> Callable[[str], World]:
    """Makes worlds around a URL, all on one machine."""

    def make(url: str) -> World:
        folder = tmp_path / f"world-{len(list(tmp_path.glob('world-*')))}"
        folder.mkdir()
        return World(url, tmp_path / "home", folder)

    return make


@pytest.fixture
def fleet(server: OwnServer, world: Callable[[str], World]) -> Iterator[Fleet]:
    """The agents, each on a line of its own."""
    fleet = Fleet(server, world, agents=AGENTS, options=OPTIONS)
    yield fleet
    fleet.close()


@pytest.mark.slow_fault
def test_whatever_fails_when_every_task_ends_and_what_counts_of_it_has_run_once(
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
    server: OwnServer,
    world: Callable[[str], World],
    fleet: Fleet,
    tmp_path: Path,
) -> None:
    """Seen failing with `refusal` of fence.lua answering nil: a thawed supervisor wrote behind the end of a task."""
    seconds, seed = request.config.option.chaos_seconds, request.config.option.chaos_seed
    print(f"chaos: seed {seed}")
    faults = plan(seed, seconds, agents=AGENTS, lease=LEASE_SECONDS)
    print(*faults, sep="\n")
    book = tmp_path / "book"
    work = jobs(seed, round(seconds * TASKS_PER_SECOND), seconds * 0.85)
    desk = Desk(fleet.lines["line desk"].url(), captured(world(server.url), book), book, work)
    desk.start()
    fleet.play(faults)
    fleet.heal()
    desk.rush()
    _come_to_rest(server, desk, fleet)
    exits = fleet.drain(PATIENCE_SECONDS)

    stories = _stories(server, desk, book)
    wrong = [f"{story}\n  {words}" for story in stories for words in complaints(story)]
    wrong += standing(server.client)
    wrong += _left_over(fleet, set(desk.accepted))
    wrong += [f"{name} exited {code} when it was drained" for name, code in exits.items() if code != 0]
    told = _told(seed, seconds, stories, desk, fleet)
    print(told, *filter(lambda story: story.poisoned, stories), sep="\n")
    record_property(PROPERTY, told)
    assert not wrong, f"seed {seed}: {len(wrong)} things are wrong\n" + "\n".join(wrong[:20])
    assert len(stories) == len(work)
    assert sum(story.poisoned for story in stories) <= POISONED_AT_MOST * len(stories)


def _come_to_rest(server: OwnServer, desk: Desk, fleet: Fleet) -> None:
    """All tasks have been accepted, and have ended."""
    now = time.monotonic

    def rested() -> bool:
        fleet.tend_until(now())
        return not desk.is_alive() and server.client.scard(keys.ACCEPTED) == 0

    eventually(rested, PATIENCE_SECONDS, "all tasks to end")
    if desk.failure is not None:
        raise desk.failure


def _stories(server: OwnServer, desk: Desk, book: Path) -> list[Story]:
    told = read_book(book)
    store = RedisStore(server.url)
    return [
        story(store, task, [line for line in told if line.task == task], job.lines)
        for task, job in desk.accepted.items()
    ]


def _left_over(fleet: Fleet, tasks: set[str]) -> list[str]:
    """Processes, state and unexpected ends that should not be."""
    deadline = time.monotonic() + 30
    found = [*(process for agent in fleet.agents.values() for process in marked(agent.mark)), *naming(tasks)]
    while found and time.monotonic() < deadline:
        # The fork server and the deadman's shells go a moment after whom they belong to.
        time.sleep(0.2)
        found = [
            *(process for agent in fleet.agents.values() for process in marked(agent.mark)),
            *naming(tasks),
        ]
    wrong = [f"still runs: {process}" for process in found]
    for agent in fleet.agents.values():
        wrong += [f"still on disk: {path}" for path in (agent.folder / "attempts").glob("*")]
        if "Traceback" in (log := agent.log.read_text()):
            wrong.append(f"{agent.name} has stumbled:\n{log[log.index('Traceback') :][:4000]}")
    return wrong


def _told(seed: int, seconds: float, stories: list[Story], desk: Desk, fleet: Fleet) -> str:
    ends = Counter("poisoned" if story.poisoned else story.record.status.value for story in stories)
    attempts = sum(story.record.attempt for story in stories)
    starts = sum(agent.starts for agent in fleet.agents.values())
    words = ", ".join(f"{count} {end}" for end, count in ends.items())
    hits = ", ".join(f"{kind} {count}" for kind, count in sorted(fleet.hits.items()))
    return (
        f"chaos: seed {seed}, {seconds:g} s: {words} in {attempts} attempts; {starts} starts of daemons, "
        f"{desk.repeated} submits repeated; {hits}"
    )
