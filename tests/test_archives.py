import gzip
import io
import lzma
import random
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow
import pytest

from seqgan.corpus.sources import archives
from seqgan.corpus.sources.archives import (
    MEGABYTE,
    Limits,
    decode,
    members,
    members_within,
    parse_json,
)
from seqgan.errors import UserError

ALL = re.compile(r".*\.txt")
FILES = {"b/two.txt": b"2", "a/one.txt": b"one", "a/other.bin": b"?"}


def zip_of(files: Mapping[str, bytes], **more: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            for key, value in more.items():
                setattr(info, key, value)
            archive.writestr(info, content)
    return buffer.getvalue()


def tar_of(files: Mapping[str, bytes], extra: Iterable[tarfile.TarInfo] = ()) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in extra:
            archive.addfile(info)
    return buffer.getvalue()


def tgz_of(files: Mapping[str, bytes], extra: Iterable[tarfile.TarInfo] = ()) -> bytes:
    return gzip.compress(tar_of(files, extra), mtime=0)


def ar_of(parts: Mapping[str, bytes]) -> bytes:
    whole = b"!<arch>\n"
    for name, content in parts.items():
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n"
        whole += header.encode() + content + b"\n" * (len(content) % 2)
    return whole


PACKERS = {
    "data.tar": bytes,
    "data.tar.gz": gzip.compress,
    "data.tar.xz": lzma.compress,
    "data.tar.zst": lambda content: pyarrow.compress(content, "zstd", asbytes=True),
}


def deb_of(files: Mapping[str, bytes], part: str = "data.tar.xz") -> bytes:
    return ar_of(
        {
            "debian-binary": b"2.0\n",
            "control.tar.xz": lzma.compress(tar_of({"odd": b"!"})),
            part: PACKERS[part](tar_of(files)),
        }
    )


def read(folder: Path, name: str, content: bytes, **more) -> dict[str, bytes]:
    (folder / name).write_bytes(content)
    return dict(members(folder / name, ALL, **more))


def refusal(folder: Path, name: str, content: bytes, **more) -> str:
    with pytest.raises(UserError) as caught:
        read(folder, name, content, **more)
    return str(caught.value).replace(f"{folder}/", "")


# --- what is read ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.whl", zip_of(FILES)),
        ("x.zip", zip_of(FILES)),
        ("x.tgz", tgz_of(FILES)),
        ("x.tar.gz", tgz_of(FILES)),
        *((f"{part}.deb", deb_of(FILES, part)) for part in PACKERS),
    ],
)
def test_files_of_every_kind_of_archive_are_read(tmp_path, name, content):
    assert read(tmp_path, name, content) == {"a/one.txt": b"one", "b/two.txt": b"2"}


def test_files_of_a_zip_come_by_name_and_those_of_a_tar_as_they_stand(tmp_path):
    assert list(read(tmp_path, "x.zip", zip_of(FILES))) == ["a/one.txt", "b/two.txt"]
    assert list(read(tmp_path, "x.tgz", tgz_of(FILES))) == ["b/two.txt", "a/one.txt"]


def test_an_archive_inside_an_archive_is_read():
    assert dict(members_within(tgz_of(FILES), "inner", ALL)) == {
        "a/one.txt": b"one",
        "b/two.txt": b"2",
    }


def test_the_whole_name_must_match(tmp_path):
    (tmp_path / "x.zip").write_bytes(zip_of(FILES))
    (tmp_path / "x.tgz").write_bytes(tgz_of(FILES))
    for name in ("x.zip", "x.tgz"):
        with pytest.raises(UserError, match=r"has no file like one; is it another release\?"):
            list(members(tmp_path / name, re.compile("one")))


def test_a_long_file_is_read_whole(tmp_path):
    content = random.Random(0).randbytes(3 * MEGABYTE + 1)
    for name, made in (("x.zip", zip_of), ("x.tgz", tgz_of), ("x.deb", deb_of)):
        assert read(tmp_path, name, made({"a.txt": content}))["a.txt"] == content


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "member", ["/etc/x.bin", "../x.bin", "a/../../x.bin", "C:/x.bin", "a\\..\\x", "\\x.bin"]
)
@pytest.mark.parametrize(
    ("name", "made"), [("x.zip", zip_of), ("x.tgz", tgz_of), ("x.deb", deb_of)]
)
def test_a_name_that_leads_out_of_the_archive_is_refused(tmp_path, name, made, member):
    assert refusal(tmp_path, name, made({member: b"", **FILES})) == (
        f"{name} is refused: the name {member!r} in it leads out of the archive"
    )


def link(name: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    return info


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
)
def test_links_and_devices_in_a_tar_are_passed_over_but_not_read(tmp_path, kind):
    assert read(tmp_path, "x.tgz", tgz_of(FILES, [link("some", kind)])).keys() == {
        "a/one.txt",
        "b/two.txt",
    }
    assert refusal(tmp_path, "x.tgz", tgz_of({}, [link("some.txt", kind)])) == (
        "x.tgz is refused: 'some.txt' in it is a link or device, not a file"
    )


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFDIR])
def test_links_and_devices_in_a_zip_are_refused(tmp_path, kind):
    content = zip_of({"some.txt": b"/etc/passwd"}, external_attr=kind << 16)
    assert "'some.txt' in it is a link or device" in refusal(tmp_path, "x.zip", content)
    good = zip_of({"some.txt": b"text"}, external_attr=stat.S_IFREG << 16)
    assert read(tmp_path, "x.zip", good) == {"some.txt": b"text"}


@pytest.mark.parametrize(
    ("name", "made"), [("x.zip", zip_of), ("x.tgz", tgz_of), ("x.deb", deb_of)]
)
class TestSizes:
    def test_a_file_above_the_limit_is_refused(self, tmp_path, name, made):
        content = made({"a.txt": b"12345"})
        assert read(tmp_path, name, content, limits=Limits(member=max(5, len(content))))
        if name != "x.deb":  # whose parts are counted too
            assert refusal(tmp_path, name, content, limits=Limits(member=4)) == (
                f"{name} is refused: 'a.txt' in it has 5 bytes, but at most 4 are read"
            )

    def test_files_above_the_limit_in_total_are_refused(self, tmp_path, name, made):
        content = made({"a.txt": b"x" * 6000, "b.txt": b"x" * 6000})
        assert refusal(tmp_path, name, content, limits=Limits(total=11_000)) == (
            f"{name} is refused: it unpacks to more than 11000 bytes"
        )

    def test_a_bomb_is_refused(self, tmp_path, name, made):
        content = made({"a.txt": bytes(20 * MEGABYTE)})
        assert len(content) < MEGABYTE / 10
        assert "it unpacks to more than 100 times its size" in refusal(tmp_path, name, content)

    def test_a_damaged_archive_is_refused(self, tmp_path, name, made):
        content = made({"a.txt": bytes(range(256)) * 40})
        for damaged in (content[: len(content) // 2], b"", b"nothing" * 100):
            assert f"{name} is not a whole archive (" in refusal(tmp_path, name, damaged)


def test_a_zip_with_wrong_sizes_or_checksums_is_refused(tmp_path):
    content = zip_of({"a.txt": b"x" * 1000})
    wrong = content.replace((1000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert "is not a whole archive" in refusal(tmp_path, "x.zip", wrong)
    sum_of = zlib.crc32(b"x" * 1000).to_bytes(4, "little")
    assert "Bad CRC-32" in refusal(tmp_path, "x.zip", content.replace(sum_of, b"\0\0\0\0"))


def test_an_encrypted_zip_is_refused(tmp_path):
    content = zip_of({"a.txt": b"x"})
    at = content.index(b"PK\x01\x02") + 8
    locked = content[:at] + b"\x01" + content[at + 1 :]
    assert "a.txt is encrypted" in refusal(tmp_path, "x.zip", locked)


def test_a_package_without_files_is_refused(tmp_path):
    assert "no part is called data.tar" in refusal(tmp_path, "x.deb", ar_of({"some": b"1"}))
    whole = deb_of(FILES)
    assert "the header of a part is damaged" in refusal(
        tmp_path, "x.deb", whole.replace(b"`\n", b"??", 1)
    )


def test_a_package_with_a_large_part_is_refused(tmp_path):
    content = ar_of({"data.tar": b"x" * 100})
    assert refusal(tmp_path, "x.deb", content, limits=Limits(member=99)) == (
        "x.deb is refused: 'data.tar' in it has 100 bytes, but at most 99 are read"
    )


def test_xz_that_wants_much_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "LZMA_MEMORY", MEGABYTE)
    assert "Memory usage limit" in refusal(tmp_path, "x.deb", deb_of(FILES))


def test_other_files_are_no_archives(tmp_path):
    assert refusal(tmp_path, "x.rar", b"") == (
        "x.rar is none of the archives that are read: .whl, .zip, .tar.gz, .tgz, .deb"
    )


# --- texts ----------------------------------------------------------------------------------------


def test_json_is_read_within_limits(monkeypatch):
    assert parse_json(b'{"a": [1, "\xc3\xa9"]}', "x") == {"a": [1, "é"]}
    for bad in (b"{", b"[" * 100_000, b"[" * 200 + b"]" * 200, b"\xff"):
        with pytest.raises(UserError, match="x is not JSON that can be read: "):
            parse_json(bad, "x")
    monkeypatch.setattr(archives, "MOST_VALUES", 3)
    assert parse_json(b"[1, 2]", "x") == [1, 2]
    with pytest.raises(UserError, match="stands for more than 3 values"):
        parse_json(b"[1, 2, 3]", "x")


def test_a_text_in_another_encoding_is_refused():
    assert decode("é".encode(), "x") == "é"
    with pytest.raises(UserError, match=r"x is not utf-8 \(.*\); fetch it again"):
        decode(b"\xe9", "x")


def test_a_name_that_stands_twice_is_refused(tmp_path):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for text in (b"one", b"two"):
            member = tarfile.TarInfo("a.txt")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    assert refusal(tmp_path, "x.tgz", content.getvalue()) == (
        "x.tgz is refused: 'a.txt' stands in it twice"
    )


def test_a_package_that_was_cut_short_is_refused(tmp_path):
    assert "it was cut short" in refusal(tmp_path, "x.deb", deb_of(FILES)[:-9])
