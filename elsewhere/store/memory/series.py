"""The series of one task in memory: held, sealed and coarsened as on a server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from elsewhere.contract.series import Point, Points, Scalars, SeriesSummary, pack_rows, unpack_rows
from elsewhere.store.series.chunk import (
    CHUNK_POINTS,
    decode_chunk,
    encode_chunk,
    outline_of,
    sketch,
    stands_for,
)
from elsewhere.store.series.coarsening import merged, pairs_to_merge
from elsewhere.store.series.rules import CHUNK_COST, ROOM, SERIES_COST, addition, outlines_suffice
from elsewhere.store.series.thinning import thin


@dataclass
class Series:
    """One series: its account, its tail and its chunks with their outlines."""

    title: str
    name: str
    count: int = 0
    coarsened: int = 0
    finite: int = 0
    total: float = 0.0
    lowest: float | None = None
    highest: float | None = None
    last: Point = field(default_factory=lambda: Point(0, 0.0, 0.0))
    tail: bytes = b""
    chunks: list[bytes] = field(default_factory=list)
    outlines: list[bytes] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes held."""
        chunks = sum(map(len, self.chunks)) + sum(map(len, self.outlines)) + CHUNK_COST * len(self.chunks)
        return SERIES_COST + len(self.tail) + chunks

    @property
    def summary(self) -> SeriesSummary:
        """The series without its points."""
        return SeriesSummary(
            self.title,
            self.name,
            self.count,
            self.last,
            self.lowest,
            self.highest,
            self.total / self.finite if self.finite else None,
            self.coarsened,
        )

    def add(self, points: Points) -> None:
        """Append points; whole chunks of them are sealed."""
        adds = addition(points)
        self.count += adds.count
        self.finite += adds.finite
        self.total += adds.total
        self.last = adds.last
        self.lowest = min(_given(self.lowest, adds.lowest), default=None)
        self.highest = max(_given(self.highest, adds.highest), default=None)
        held = unpack_rows(self.tail + pack_rows(points))
        sealed = len(held) - len(held) % CHUNK_POINTS
        for start in range(0, sealed, CHUNK_POINTS):
            part = held.part(start, start + CHUNK_POINTS)
            self.chunks.append(encode_chunk(part))
            self.outlines.append(outline_of(part))
        self.tail = pack_rows(held.part(sealed))

    def read(self, most: int | None) -> Points:
        """At most so many points."""
        tail = unpack_rows(self.tail)
        if outlines_suffice(len(self.chunks), most):
            points = sketch([*self.outlines, outline_of(tail)])
        else:
            points = Points.joined([*map(decode_chunk, self.chunks), tail])
        return points if most is None else thin(points, most)

    def coarsen(self) -> None:
        """Merge some chunks with their neighbours."""
        stand_for = [stands_for(outline) for outline in self.outlines]
        for at in sorted(pairs_to_merge(stand_for), reverse=True):
            first, second = decode_chunk(self.chunks[at]), decode_chunk(self.chunks[at + 1])
            points = merged(first, second)
            self.coarsened += len(first) + len(second) - len(points)
            self.chunks[at : at + 2] = [encode_chunk(points)]
            self.outlines[at : at + 2] = [outline_of(points, stand_for[at] + stand_for[at + 1])]


class SeriesBook:
    """All series of one task. Whoever holds one holds the store's lock."""

    def __init__(self) -> None:
        self._series: dict[tuple[str, str], Series] = {}
        self._beyond = False

    def add(self, batch: Sequence[Scalars], cap: int, most: int) -> bool:
        """Append points, within the cap; whether this is the first time that series were too many."""
        first = False
        for one in batch:
            name = (one.title, one.series)
            if not one.points:
                continue
            if name not in self._series and len(self._series) >= most:
                first, self._beyond = first or not self._beyond, True
                continue
            self._series.setdefault(name, Series(*name)).add(one.points)
        self._keep_within(cap)
        return first

    def chosen(self, title: str | None, name: str | None = None) -> Iterator[Series]:
        """The series with that title and name, by both."""
        for key, series in sorted(self._series.items()):
            if title in (None, key[0]) and name in (None, key[1]):
                yield series

    def _keep_within(self, cap: int) -> None:
        if self._held() <= cap:
            return
        while self._held() > cap - cap // ROOM:
            largest = max(self._series.values(), key=lambda series: len(series.chunks))
            if len(largest.chunks) < 2:
                return  # nothing but tails and single chunks, which the number of series bounds
            largest.coarsen()

    def _held(self) -> int:
        return sum(series.size for series in self._series.values())


def _given(*values: float | None) -> list[float]:
    return [value for value in values if value is not None]
