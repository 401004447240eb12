"""Series of scalars: exactly once, in order, in full while they fit, and quick to draw when long."""

from __future__ import annotations

import math
import threading

import pytest

from elsewhere.contract.errors import LateWrite, TaskNotFound
from elsewhere.contract.series import Point, Points, Scalars
from elsewhere.contract.status import Status
from elsewhere.contract.task import NewTask, TaskRecord
from elsewhere.store.protocol import Store

NOBODY = "0" * 32
START = 1_700_000_000.0


def ramp(first: int, count: int) -> Points:
    return Points.of((number, float(number), START + number / 8) for number in range(first, first + count))


def batch(points: Points, title: str = "loss", series: str = "train") -> list[Scalars]:
    return [Scalars(title, series, points)]


def values(store: Store, task_id: str, max_points: int | None = None) -> list[float]:
    (one,) = store.scalars(task_id, max_points=max_points)
    return list(one.points.values)


def running_in(store: Store, new: NewTask) -> str:
    task = store.create(new)
    return store.move(task.id, Status.IN_PROGRESS, expected=Status.CREATED).id


def test_points_come_back_in_order_and_in_full(store: Store, running: TaskRecord) -> None:
    rows = [(0, 0.1, START), (5, -1e308, START + 0.001), (5, math.inf, START), (-7, 5e-324, START + 9)]
    store.add_scalars(running.id, batch(Points.of(rows[:3])), attempt=1)
    store.add_scalars(running.id, batch(Points.of(rows[3:])), attempt=1)
    (one,) = store.scalars(running.id)
    assert (one.title, one.series) == ("loss", "train")
    assert list(one.points) == [Point(*row) for row in rows]


@pytest.mark.parametrize("length", [1, 511, 512, 513, 1024, 3000])
def test_a_series_of_any_length_is_held_in_full(store: Store, running: TaskRecord, length: int) -> None:
    points = Points.of((n * n - 7 * n, math.sin(n), START + n * n / 1000) for n in range(length))
    for start in range(0, length, 700):
        store.add_scalars(running.id, batch(points.part(start, start + 700)))
    (one,) = store.scalars(running.id, max_points=None)
    assert one.points == points


def test_a_series_that_is_told_point_by_point_becomes_chunks(store: Store, running: TaskRecord) -> None:
    for number in range(1100):
        store.add_scalars(running.id, batch(ramp(number, 1)), attempt=1, sequence=number + 1)
    assert values(store, running.id) == list(map(float, range(1100)))


def test_series_are_told_with_what_they_came_to(store: Store, running: TaskRecord) -> None:
    store.add_scalars(running.id, batch(Points.of([(1, 3.0, START), (2, -2.5, START), (3, 4.0, START + 1)])))
    store.add_scalars(running.id, batch(Points.of([(4, 1.5, START + 2.5)])))
    store.add_scalars(running.id, batch(Points.of([(1, 7.0, START)]), "acc", "ü/val"))
    acc, loss = store.series(running.id)
    assert (acc.title, acc.series, acc.count, acc.lowest, acc.mean) == ("acc", "ü/val", 1, 7.0, 7.0)
    assert (loss.count, loss.lowest, loss.highest, loss.mean) == (4, -2.5, 4.0, 1.5)
    assert (loss.last, loss.coarsened) == (Point(4, 1.5, START + 2.5), 0)
    assert store.series(running.id, "acc") == [acc]
    assert store.series(running.id, "none") == []


def test_nan_and_infinities_are_kept_and_hide_nothing(store: Store, running: TaskRecord) -> None:
    told = [math.nan, 2.0, math.inf, math.nan, -3.0, -math.inf, math.nan]
    for value in told:
        store.add_scalars(running.id, batch(Points.of([(0, value, START)])))
    assert list(map(str, values(store, running.id))) == list(map(str, told))
    (one,) = store.series(running.id)
    assert (one.lowest, one.highest, one.mean) == (-math.inf, math.inf, -0.5)
    assert math.isnan(one.last.value)


def test_a_series_of_nothing_but_nan_has_no_lowest(store: Store, running: TaskRecord) -> None:
    store.add_scalars(running.id, batch(Points.of([(n, math.nan, START) for n in range(600)])))
    (one,) = store.series(running.id)
    assert (one.count, one.lowest, one.highest, one.mean) == (600, None, None, None)
    (drawn,) = store.scalars(running.id, max_points=30)
    assert all(map(math.isnan, drawn.points.values))
    assert 0 < len(drawn.points) <= 30


def test_only_the_series_that_are_asked_for_are_read(store: Store, running: TaskRecord) -> None:
    names = [("a", "x"), ("a", "y"), ("b", "x")]
    store.add_scalars(running.id, [Scalars(*name, ramp(0, 2)) for name in names])

    def read(*chosen: str | None) -> list[tuple[str, str]]:
        return [(one.title, one.series) for one in store.scalars(running.id, *chosen)]

    assert read() == names
    assert read("a") == names[:2]
    assert read(None, "x") == [("a", "x"), ("b", "x")]
    assert read("b", "x") == [("b", "x")]
    assert read("b", "y") == []
    assert store.scalars(NOBODY) == []
    assert store.series(NOBODY) == []


def test_what_is_sent_again_is_not_added_again(store: Store, running: TaskRecord) -> None:
    store.append_log(running.id, 1, 1, b"one")
    store.add_scalars(running.id, batch(ramp(0, 600)), attempt=1, sequence=2)
    store.add_scalars(running.id, batch(ramp(0, 600)), attempt=1, sequence=2)
    with pytest.raises(ValueError, match="number 3 comes next, not 4"):
        store.add_scalars(running.id, batch(ramp(0, 600)), attempt=1, sequence=4)
    store.add_scalars(running.id, [], attempt=1, sequence=3)
    store.append_log(running.id, 1, 4, b"four")
    assert values(store, running.id) == list(map(float, range(600)))
    assert store.series(running.id)[0].count == 600


def test_an_attempt_that_is_over_adds_nothing(store: Store, running: TaskRecord) -> None:
    store.add_scalars(running.id, batch(ramp(0, 1)), attempt=1)
    with pytest.raises(LateWrite):
        store.add_scalars(running.id, batch(ramp(1, 1)), attempt=2)
    store.move(running.id, Status.COMPLETED, expected=Status.IN_PROGRESS)
    with pytest.raises(LateWrite):
        store.add_scalars(running.id, batch(ramp(1, 1)), attempt=1)
    assert values(store, running.id) == [0.0]
    with pytest.raises(TaskNotFound, match=NOBODY):
        store.add_scalars(NOBODY, batch(ramp(0, 1)))


def test_a_reset_forgets_the_series(store: Store, running: TaskRecord) -> None:
    store.add_scalars(running.id, batch(ramp(0, 1000)))
    store.move(running.id, Status.STOPPED, expected=Status.IN_PROGRESS)
    store.move(running.id, Status.CREATED, expected=Status.STOPPED)
    assert (store.series(running.id), store.scalars(running.id)) == ([], [])
    store.move(running.id, Status.IN_PROGRESS, expected=Status.CREATED)
    store.add_scalars(running.id, batch(ramp(5, 2)), attempt=2, sequence=1)
    assert values(store, running.id) == [5.0, 6.0]


@pytest.mark.parametrize("length", [5_000, 40_000])
def test_a_long_series_is_drawn_from_few_points_that_show_its_spikes(
    store: Store, running: TaskRecord, length: int
) -> None:
    points = Points.of((n, math.sin(n / 1000), START + n) for n in range(length))
    spikes = {length // 3: 99.0, length // 2: -99.0, length - 2: 50.0}
    for place, value in spikes.items():
        points.values[place] = value
    store.add_scalars(running.id, batch(points))
    (drawn,) = store.scalars(running.id, max_points=200)
    assert 100 <= len(drawn.points) <= 200
    assert list(drawn.points.iterations) == sorted(drawn.points.iterations)
    told = {point.iteration: point for point in drawn.points}
    for place, value in spikes.items():
        assert told[place] == Point(place, value, START + place)
    for point in drawn.points:
        assert point.value == points.values[point.iteration]


def test_a_lone_nan_is_seen_in_a_long_series(store: Store, running: TaskRecord) -> None:
    points = ramp(0, 40_000)
    points.values[20_001] = math.nan
    store.add_scalars(running.id, batch(points))
    (drawn,) = store.scalars(running.id, max_points=200)
    assert [point.iteration for point in drawn.points if math.isnan(point.value)] == [20_001]
    assert {0.0, 39_999.0} <= set(drawn.points.values)


def test_nothing_is_drawn_from_almost_nothing(store: Store, running: TaskRecord) -> None:
    store.add_scalars(running.id, batch(ramp(0, 10)))
    with pytest.raises(ValueError, match="2 points"):
        store.scalars(running.id, max_points=2)
    assert len(store.scalars(running.id, max_points=3)[0].points) <= 3


@pytest.mark.parametrize(
    "wrong",
    [
        Scalars("", "x", ramp(0, 1)),
        Scalars("x", "y" * 257, ramp(0, 1)),
        Scalars("x", "y", Points(ramp(0, 1).iterations, ramp(0, 2).values, ramp(0, 2).milliseconds)),
        Scalars("x", "y", Points(ramp(0, 1).iterations, ramp(0, 1).iterations, ramp(0, 1).milliseconds)),
    ],
)
def test_what_no_store_can_hold_is_refused(store: Store, running: TaskRecord, wrong: Scalars) -> None:
    with pytest.raises(ValueError):
        store.add_scalars(running.id, [Scalars("fine", "fine", ramp(0, 1)), wrong])
    assert store.series(running.id) == []


def test_series_over_the_cap_get_coarser_keep_their_spikes_and_say_so(make_store, new: NewTask) -> None:
    store: Store = make_store(series_cap=60_000)
    task_id = running_in(store, new)
    count = 60_000
    store.add_scalars(task_id, [Scalars("small", "x", ramp(0, 100))])
    for start in range(0, count, 3000):
        # Noise: what cannot be pressed.
        points = Points.of((n, math.sin(n * n), START + n) for n in range(start, start + 3000))
        if start == 9000:
            points.values[17] = 99.0
        store.add_scalars(task_id, batch(points))
    loss, small = store.series(task_id)
    (held,) = store.scalars(task_id, "loss", max_points=None)
    assert loss.count == count
    assert loss.coarsened == count - len(held.points)
    assert 2000 < len(held.points) < 6000
    assert (loss.highest, loss.last.iteration) == (99.0, count - 1)
    assert Point(9017, 99.0, START + 9017) in list(held.points)
    assert list(held.points.iterations) == sorted(held.points.iterations)
    # Coarser alike: no part of it was given up for another.
    quarters = [sum(1 for n in held.points.iterations if n * 4 // count == quarter) for quarter in range(4)]
    assert min(quarters) * 4 > max(quarters)
    assert (small.count, small.coarsened) == (100, 0)


def test_series_that_are_too_many_are_dropped_and_the_log_says_so_once(make_store, new: NewTask) -> None:
    store: Store = make_store(most_series=5)
    task_id = running_in(store, new)
    for number in range(9):
        store.add_scalars(task_id, batch(ramp(0, 3), f"step {number}"), attempt=1, sequence=number + 1)
    assert [one.title for one in store.series(task_id)] == [f"step {number}" for number in range(5)]
    (note,) = store.read_log(task_id)
    assert (note.kind, b"more than 5 series" in note.data) == ("note", True)
    store.add_scalars(task_id, batch(ramp(3, 3), "step 4"), attempt=1, sequence=10)
    assert store.series(task_id)[4].count == 6


def test_writers_at_once_lose_and_double_nothing_while_somebody_reads(make_store, new: NewTask) -> None:
    first: Store = make_store()
    stores = [first, first] if type(first).__name__ == "MemoryStore" else [first, make_store()]
    task_id = running_in(first, new)
    failed: list[BaseException] = []
    over = threading.Event()

    def write(store: Store, offset: int) -> None:
        try:
            for start in range(0, 4000, 100):
                store.add_scalars(task_id, batch(ramp(offset + start, 100)))
        except BaseException as error:
            failed.append(error)

    def read() -> None:
        try:
            while not over.is_set():
                for one in first.scalars(task_id, max_points=None):
                    assert len(set(one.points.iterations)) == len(one.points)
                    assert len(one.points) % 100 == 0
        except BaseException as error:
            failed.append(error)

    writers = [threading.Thread(target=write, args=(store, at * 10_000)) for at, store in enumerate(stores)]
    reader = threading.Thread(target=read)
    for thread in (*writers, reader):
        thread.start()
    for thread in writers:
        thread.join()
    over.set()
    reader.join()
    assert not failed
    assert sorted(values(first, task_id)) == [*map(float, range(4000)), *map(float, range(10_000, 14_000))]
