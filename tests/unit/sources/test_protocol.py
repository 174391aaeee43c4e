"""Whatever a server sends, reading it ends with an answer or with one of our errors."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.sources import protocol
from fairlead.sources.errors import GitOperationError, GitRefNotFoundError, SourceError
from fairlead.sources.pktline import Mark, PktReader, pkt, pkts

URL = "https://example.com/x"
ID = "1" * 40


def reader(data: bytes) -> PktReader:
    stream = asyncio.StreamReader()
    stream.feed_data(data)
    stream.feed_eof()
    return PktReader(stream, URL)


@given(data=st.binary(max_size=200) | st.lists(st.binary(max_size=30)).map(lambda xs: b"".join(map(frame, xs))))
async def test_any_bytes(data: bytes) -> None:
    with suppress(SourceError):
        await protocol.read_advertisement(reader(data))
    with suppress(SourceError):
        await protocol.read_ls_refs(reader(data))
    for version in (0, 2):
        with suppress(SourceError):
            features = protocol.Features(version, {})
            answering = reader(data)
            answer = await protocol.read_until_pack(answering, features, protocol.FetchRequest([ID], depth=1))
            async for _ in answering.sideband(answer.first):
                pass


def frame(content: bytes) -> bytes:
    return b"%04x%b" % (len(content) + 4, content)


@given(st.lists(st.text(max_size=50).filter(lambda text: not text.startswith("ERR ")), max_size=5))
async def test_packets_round_trip(texts: list[str]) -> None:
    texts = [text.replace("\n", "") for text in texts]
    assert await reader(pkts([*texts, Mark.FLUSH])).lines() == texts


async def test_references_of_version_0() -> None:
    lines = [
        f"{ID} HEAD\0multi_ack side-band-64k symref=HEAD:refs/heads/main object-format=sha1 agent=git/2\n",
        f"{ID} refs/heads/main\n",
        f"{'2' * 40} refs/tags/v1\n",
        f"{ID} refs/tags/v1^{{}}\n",
    ]
    features, refs = await protocol.read_advertisement(
        reader(pkts(["# service=git-upload-pack\n", Mark.FLUSH, *lines, Mark.FLUSH]))
    )
    assert features.version == 0
    assert refs is not None
    assert refs.commit_of("refs/tags/v1") == ID
    assert refs.refs["refs/tags/v1"] == "2" * 40


async def test_an_empty_repository_of_version_0() -> None:
    line = f"{'0' * 40} capabilities^{{}}\0side-band-64k\n"
    _, refs = await protocol.read_advertisement(reader(pkts([line, Mark.FLUSH])))
    assert refs is not None
    assert not refs.refs


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (pkt("ERR upload-pack: not our ref 123\n"), GitRefNotFoundError),
        (pkt("ERR access denied or repository not exported\n"), GitOperationError),
        (b"00zz", GitOperationError),
        (b"0003", GitOperationError),
        (b"fffftoo short", GitOperationError),
        (b"00", GitOperationError),
    ],
)
async def test_what_a_server_complains_of(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        await reader(data).read()


async def test_sha256_repositories_are_refused() -> None:
    data = pkts(["version 2\n", "ls-refs\n", "object-format=sha256\n", Mark.FLUSH])
    with pytest.raises(GitOperationError, match="SHA-256"):
        await protocol.read_advertisement(reader(data))


async def test_an_error_in_the_middle_of_a_pack() -> None:
    answer = reader(pkts(["\x01PACK", "\x02Counting objects", "\x03out of memory", Mark.FLUSH]))
    with pytest.raises(GitOperationError, match="refused: out of memory"):
        [chunk async for chunk in answer.sideband()]
