"""Whole captures through an engine: reading, folding and counting each have a thread, and overlap."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pyarrow as pa

from spit.engine.detection import Folded
from spit.engine.engine import Engine
from spit.engine.scored import Scored

#: Batches that are read before the first of them is scored: bounds what waits in memory.
_BATCHES_AHEAD = 3


def observe_beside(engine: Engine, batches: Iterable[pa.RecordBatch]) -> Iterator[Scored]:
    """As ``Engine.observe`` of each batch, in order and in chunks, while the next ones are read and folded.

    Nothing may be asked of ``engine`` or saved before the last one has come. The thread that reads is the
    caller's, which hears Ctrl-C and never waits for input on the way out: not for a pipe that somebody
    watches, because an answer comes only once the batches after it have been read.
    """
    with (
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="spit-fold") as folding,
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="spit-count") as counting,
    ):

        def count(folded: Future[list[Folded]]) -> list[Scored]:
            return [engine.count_folded(chunk) for chunk in folded.result()]

        begun: deque[Future[list[Scored]]] = deque()
        try:
            for events in batches:
                begun.append(counting.submit(count, folding.submit(engine.fold_ahead, events)))
                if len(begun) > _BATCHES_AHEAD:
                    yield from begun.popleft().result()
            while begun:
                yield from begun.popleft().result()
        finally:
            # Of what waits nothing is wanted any more, when the one who reads has had enough.
            folding.shutdown(wait=False, cancel_futures=True)
            counting.shutdown(wait=False, cancel_futures=True)
