"""Pages come, go, and are too many for a browser; where no page looks nobody is asked."""

from __future__ import annotations

import json

import anyio
import pytest

from client.lab.live import collector, work
from client.lab.live.collector import PAGES, Collector
from client.lab.live.work import Work
from client.options import Options, parse

DEADLINE = 60
OPTIONS: Options = parse(["--address", "127.0.0.1:1"])


@pytest.fixture
def lab() -> Collector:
    return Collector(OPTIONS, ended=lambda: False, deserted=lambda: None)


def test_one_page_too_many_takes_the_place_of_the_oldest(lab: Collector) -> None:
    async def scene() -> None:
        pages = [lab.frames() for _ in range(PAGES + 3)]
        firsts = [json.loads(await anext(page)) for page in pages]
        assert {one["kind"] for one in firsts} == {"fresh"}
        for page in pages[:3]:
            assert json.loads(await anext(page)) == {"kind": "retired"}
            with pytest.raises(StopAsyncIteration):
                await anext(page)
        for page in pages:
            await page.aclose()

    anyio.run(scene)


def test_a_stream_ends_with_the_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "QUIET_SECONDS", 0.01)
    ended: list[bool] = []
    lab = Collector(OPTIONS, lambda: bool(ended), lambda: None)

    async def scene() -> None:
        page = lab.frames()
        await anext(page)
        assert await anext(page) == b"", "a sign of life where there is no news"
        ended.append(True)
        with pytest.raises(StopAsyncIteration):
            await anext(page)

    anyio.run(scene)


def test_it_looks_while_a_page_looks_and_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(collector, "LINGER", 0.05)
    left = anyio.Event()
    lab = Collector(OPTIONS, lambda: False, lambda: anyio.from_thread.run_sync(left.set))

    async def scene() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(lab.run)
            page = lab.frames()
            with anyio.fail_after(DEADLINE):
                while json.loads(await anext(page) or b"{}").get("kind") != "batch":
                    pass
            assert not left.is_set()
            await page.aclose()
            with anyio.fail_after(DEADLINE):
                await left.wait()
            group.cancel_scope.cancel()

    anyio.run(scene)


def test_clients_that_nobody_wants_any_more_are_ended() -> None:
    said: list[object] = []
    one = Work(OPTIONS, said.append)
    one.want(2)
    process = one._process
    assert process is not None
    one.close()
    assert process.poll() is not None
    assert said[-1] == {}
    assert work.MOST == 64
