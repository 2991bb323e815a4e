# What bst-recc doctor says of servers that lack something of the Remote Execution API, or execute in their own way.
# SPDX-License-Identifier: Apache-2.0
"""buildbox-casd lacks nothing; the others are servers of a few methods, which do as such a server would."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from buildstream._protos.google.longrunning.operations_pb2 import Operation
from servers import casd

from bst_recc.doctor.abilities import check_abilities
from bst_recc.doctor.context import Context
from bst_recc.project import Project, find_tool
from bst_recc.reapi import messages

STORAGE, ACTION_CACHE, EXECUTION = "storage-service", "action-cache-service", "execution-service"
ABSENT = grpc.StatusCode.NOT_FOUND
# Methods and how they are answered: by a status, messages, or not at all until this is set.
Answer = grpc.StatusCode | list[Any] | threading.Event
BLOBS = {"GetTree": ABSENT, "BatchUpdateBlobs": [messages.BatchUpdateBlobsResponse()]}
WHOLE = {**BLOBS, "GetActionResult": ABSENT}


def operation(code: int) -> list[Any]:
    """An action is executed, with this status."""
    done = Operation(done=True)
    done.response.Pack(messages.ExecuteResponse(status={"code": code}))
    return [Operation(), done]


class Serving(grpc.GenericRpcHandler):  # type: ignore[misc,unused-ignore]
    """A server of some methods."""

    def __init__(self, answers: dict[str, Answer]) -> None:
        self.answers = answers

    def service(self, call: Any) -> Any:
        answer = self.answers.get(call.method.rpartition("/")[2])

        def respond(_: bytes, context: Any) -> Iterator[bytes]:
            if isinstance(answer, grpc.StatusCode):
                context.abort(answer, "as it says")
            elif isinstance(answer, threading.Event):
                answer.wait(20)
            else:
                yield from (one.SerializeToString() for one in answer or ())

        return grpc.unary_stream_rpc_method_handler(respond) if answer is not None else None


Said = Callable[..., dict[str, tuple[str, str]]]


@pytest.fixture
def said(tmp_path: Path) -> Iterator[Said]:
    """What the doctor says of services, by what it is about: its level and words."""
    (tmp_path / "project.conf").write_text("name: demo\nmin-version: 2.6\n")
    with ExitStack() as stack:

        def run(url: str = "", services: tuple[str, ...] = (STORAGE, ACTION_CACHE), **answers: Answer) -> Any:
            if not url:
                options = [("grpc.so_reuseport", 0)]
                server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Serving(answers)], options=options)
                url = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
                server.start()
                stack.callback(server.stop, 0)
            path = tmp_path / "own.conf"
            path.write_text(json.dumps({"remote-execution": {name: {"url": url} for name in services}}))
            found = check_abilities(Context(Project(tmp_path), path, "remote"))
            return {one.name: (one.level, one.text) for one in found}

        yield run


FARM = (EXECUTION, STORAGE, ACTION_CACHE)


def test_buildbox_casd_lacks_nothing(said: Said, tmp_path: Path) -> None:
    with casd(tmp_path, f"--buildbox-run={find_tool('buildbox-run')}") as url:
        assert said(url) == {}
        assert said(url, FARM) == {"execution": ("ok", "compiles are executed in the toolchain that they name")}


def test_without_an_action_cache(said: Said) -> None:
    level, text = said(**BLOBS)["action cache"]
    assert level == "FAIL" and "no compile is ever a hit" in text
    assert said(**WHOLE) == {}


def test_without_get_tree(said: Said) -> None:
    """It is for workers, where there are any."""
    cut = {name: answer for name, answer in WHOLE.items() if name != "GetTree"}
    assert said(**cut) == {}
    level, text = said(services=FARM, **cut, Execute=operation(5))["storage"]
    assert level == "warn" and "no GetTree" in text


@pytest.mark.parametrize(
    ("answer", "level", "words"),
    [
        (operation(5), "ok", "the toolchain that they name"),
        (operation(0), "FAIL", "ignores the property chrootRootDigest"),
        (grpc.StatusCode.INVALID_ARGUMENT, "FAIL", "refuses the property chrootRootDigest"),
        (grpc.StatusCode.FAILED_PRECONDITION, "FAIL", "FAILED_PRECONDITION: as it says"),
    ],
)
def test_execution(said: Said, answer: Answer, level: str, words: str) -> None:
    found = said(services=FARM, **WHOLE, Execute=answer)
    assert list(found) == ["execution"]
    assert found["execution"][0] == level and words in found["execution"][1]


def test_nobody_takes_a_job(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bst_recc.reapi.Remote.call.__defaults__", (0.5,))
    never = threading.Event()
    found = said(services=FARM, **WHOLE, Execute=never)
    never.set()
    assert found["execution"][0] == "warn" and "no worker took a job" in found["execution"][1]


def test_a_service_that_does_not_answer_is_left_to_others(said: Said) -> None:
    assert said("http://127.0.0.1:1", FARM) == {}
    assert said(services=FARM, **WHOLE) == {}
