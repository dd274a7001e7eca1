import hashlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import fetch_corpus
from file_server import Server
from seqgan.corpus.sources import catalogue, registries, transfer
from seqgan.corpus.sources.fetching import Places, obtain
from seqgan.corpus.sources.registries import Archive, find_on_debian, find_on_npm, find_on_pypi
from seqgan.corpus.sources.transfer import Web, shown
from seqgan.errors import UserError
from seqgan.failures import Stopped
from seqgan.provenance import spec
from seqgan.records import readable_json
from test_archives import deb_of

CONTENT = bytes(range(256)) * 5000
SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(transfer, "PAUSES", (0.001, 0.002))
    monkeypatch.setattr("seqgan.corpus.sources.fetching.pip_settings", dict)
    made = Server()
    made.files["/my.bin"] = CONTENT
    yield made
    made.http.shutdown()
    made.http.server_close()


def archive_at(url: str, sha256: str = SHA) -> Archive:
    return Archive("my.bin", sha256, "url", None, url, "1", "https://example.org/my")


class Calls:
    """What a transfer shows."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.steps: list[int] = []
        self.options: list[dict[str, Any]] = []

    def follow(self, steps: Iterator[Any], **options: Any) -> Iterator[Any]:
        self.options.append(options)
        for step in steps:
            self.steps.append(step[0])
            yield step

    def obtain(self, archive: Archive, places: Places) -> Path:
        return obtain(archive, places, self.follow, self.lines.append)


@pytest.fixture
def calls() -> Calls:
    return Calls()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- kept archives --------------------------------------------------------------------------------


def test_what_is_kept_is_never_fetched_again(tmp_path, server, calls):
    archive, places = archive_at(f"{server.url}/my.bin"), Places(tmp_path / "new" / "kept")
    path = calls.obtain(archive, places)
    assert (path, path.read_bytes()) == (tmp_path / "new" / "kept" / "my.bin", CONTENT)
    assert names(path.parent) == ["my.bin"]
    assert calls.steps == [1, 2]
    assert calls.options == [{"total": 2, "unit": "megabyte", "start": 0}]
    for offline in (False, True):
        assert calls.obtain(archive, places._replace(offline=offline)) == path
    assert len(server.asked) == 1


def test_a_mirror_is_looked_into_first_and_never_written(tmp_path, server, calls):
    mirror, kept = tmp_path / "mirror", tmp_path / "kept"
    mirror.mkdir()
    kept.mkdir()
    archive = archive_at(f"{server.url}/my.bin")
    (mirror / "my.bin").write_bytes(CONTENT)
    (kept / "my.bin").write_bytes(b"wrong")
    assert calls.obtain(archive, Places(kept, mirror)) == mirror / "my.bin"
    (mirror / "my.bin").unlink()
    (kept / "my.bin").unlink()
    assert calls.obtain(archive, Places(kept, mirror)) == kept / "my.bin"
    assert names(mirror) == []
    with pytest.raises(UserError, match="--mirror must be a folder, but"):
        calls.obtain(archive, Places(kept, tmp_path / "nowhere"))


@pytest.mark.parametrize("where", ["mirror", "kept"])
def test_a_file_with_another_hash_is_neither_used_nor_removed(tmp_path, server, calls, where):
    mirror, kept = tmp_path / "mirror", tmp_path / "kept"
    mirror.mkdir()
    kept.mkdir()
    wrong = tmp_path / where / "my.bin"
    wrong.write_bytes(b"wrong")
    got = hashlib.sha256(b"wrong").hexdigest()
    with pytest.raises(UserError) as caught:
        calls.obtain(archive_at(f"{server.url}/my.bin"), Places(kept, mirror))
    assert str(caught.value) == (
        f"{wrong} is not the file that is wanted: got sha256 {got}, expected {SHA}; move it away, "
        "or put the right one there"
    )
    assert wrong.read_bytes() == b"wrong"
    assert server.asked == []


@pytest.mark.parametrize("mirror", [True, False])
def test_offline_says_what_to_put_where(tmp_path, server, calls, mirror):
    kept, other = tmp_path / "kept", tmp_path / "mirror"
    other.mkdir()
    with pytest.raises(UserError) as caught:
        calls.obtain(
            archive_at(f"{server.url}/my.bin"), Places(kept, other if mirror else None, True)
        )
    nowhere = f"neither in {other} nor in {kept}" if mirror else f"not in {kept}"
    assert str(caught.value) == (
        f"my.bin (sha256 {SHA}) is {nowhere}, and --offline forbids to fetch it; get it "
        f"from https://example.org/my and put it into {other if mirror else kept}"
    )
    assert server.asked == []
    assert not kept.exists()


# --- transfer -------------------------------------------------------------------------------------


def test_a_transfer_goes_on_where_it_broke_off(tmp_path, server, calls):
    server.faults = [("cut", 400_000), ("status", 503), ("cut", 100_000)]
    transfer.PAUSES = (0.001, 0.001, 0.001)
    path = calls.obtain(archive_at(f"{server.url}/my.bin"), Places(tmp_path))
    assert path.read_bytes() == CONTENT
    assert [wanted for _, wanted, _ in server.asked] == [
        None, "bytes=400000-", "bytes=400000-", "bytes=500000-",
    ]  # fmt: skip
    assert "the server answers 503" in calls.lines[1]
    assert all("; trying again in 0 s" in line for line in calls.lines)
    assert calls.steps == [1, 2]


def test_a_transfer_goes_on_where_another_process_was_killed(tmp_path, server, calls):
    (tmp_path / ".my.bin.partial").write_bytes(CONTENT[:1_200_000])
    assert (
        calls.obtain(archive_at(f"{server.url}/my.bin"), Places(tmp_path)).read_bytes() == CONTENT
    )
    assert [wanted for _, wanted, _ in server.asked] == ["bytes=1200000-"]
    assert names(tmp_path) == ["my.bin"]


@pytest.mark.parametrize("left", [b"other" * 1000, CONTENT, CONTENT + b"more", b"x" * len(CONTENT)])
def test_what_was_left_of_another_file_is_fetched_anew(tmp_path, server, calls, left):
    (tmp_path / ".my.bin.partial").write_bytes(left)
    assert (
        calls.obtain(archive_at(f"{server.url}/my.bin"), Places(tmp_path)).read_bytes() == CONTENT
    )
    assert names(tmp_path) == ["my.bin"]


def test_a_server_without_ranges_sends_all_again(tmp_path, server, calls):
    server.ranges = False
    server.faults = [("cut", 400_000)]
    path = calls.obtain(archive_at(f"{server.url}/my.bin"), Places(tmp_path))
    assert path.read_bytes() == CONTENT
    assert len(server.asked) == 2


def test_a_transfer_is_given_up_after_the_last_pause(tmp_path, server, calls):
    server.faults = [("status", 502)] * 9
    with pytest.raises(UserError, match="cannot be fetched: the server answers 502 Bad Gateway; s"):
        calls.obtain(archive_at(f"{server.url}/my.bin"), Places(tmp_path))
    assert len(server.asked) == 3
    server.faults = [("cut", 10)] * 9
    with pytest.raises(UserError, match="cannot be fetched: IncompleteRead"):
        calls.obtain(archive_at(f"{server.url}/my.bin"), Places(tmp_path))
    assert "my.bin" not in names(tmp_path)


def test_a_refusal_is_final(tmp_path, server, calls):
    with pytest.raises(UserError, match="none cannot be fetched: the server answers 404 Not Found"):
        calls.obtain(archive_at(f"{server.url}/none"), Places(tmp_path))
    assert len(server.asked) == 1
    assert calls.lines == []


def test_nobody_at_the_address(tmp_path, server, calls):
    server.http.server_close()
    with pytest.raises(UserError, match=r"cannot be fetched: .*refused.*--mirror"):
        calls.obtain(archive_at(f"{server.url}/my.bin"), Places(tmp_path))
    assert len(calls.lines) == 2


def test_another_file_is_kept_aside_and_not_used(tmp_path, server, calls):
    server.files["/my.bin"] = b"changed"
    with pytest.raises(UserError) as caught:
        calls.obtain(archive_at(f"{server.url}/my.bin"), Places(tmp_path))
    got = hashlib.sha256(b"changed").hexdigest()
    assert str(caught.value) == (
        f"my.bin came with sha256 {got}, expected {SHA}; it is kept as {tmp_path}/my.bin.refused "
        "and not used; get it from https://example.org/my and give its folder as --mirror"
    )
    assert names(tmp_path) == ["my.bin.refused"]


def test_a_stop_leaves_no_file_under_the_real_name(tmp_path, server, calls):
    def stop(steps: Iterator[Any], **_: Any) -> Iterator[Any]:
        for step in steps:
            yield step
            raise Stopped

    archive = archive_at(f"{server.url}/my.bin")
    with pytest.raises(Stopped):
        obtain(archive, Places(tmp_path), stop, calls.lines.append)
    assert names(tmp_path) == [".my.bin.partial"]
    assert calls.obtain(archive, Places(tmp_path)).read_bytes() == CONTENT
    assert server.asked[1][1] is not None


def test_a_file_of_this_machine_has_an_address_too(tmp_path, calls, server):
    (tmp_path / "given.bin").write_bytes(CONTENT)
    archive = archive_at((tmp_path / "given.bin").as_uri())
    assert calls.obtain(archive, Places(tmp_path / "kept")).read_bytes() == CONTENT
    with pytest.raises(UserError, match="is no address that is read: http, https or file"):
        calls.obtain(archive_at("data:,x"), Places(tmp_path / "other"))
    with pytest.raises(UserError, match=r"cannot be fetched: .*No such file"):
        calls.obtain(archive_at((tmp_path / "none").as_uri()), Places(tmp_path / "other"))


def test_a_password_is_sent_and_never_shown(server):
    secret = server.url.replace("//", "//me:pass%21@")
    assert shown(f"{secret}/x") == f"{server.url}/x"
    assert Web().read(f"{secret}/my.bin", "*/*", 10**7)[0] == CONTENT
    assert server.asked == [("/my.bin", None, "Basic bWU6cGFzcyE=")]
    with pytest.raises(ValueError, match="longer than 100 bytes"):
        Web().read(f"{server.url}/my.bin", "*/*", 100)
    with pytest.raises(UserError, match="the certificates /no/file that pip is set to cannot be"):
        Web("/no/file")


# --- package managers -----------------------------------------------------------------------------

WHEEL = Archive("My_Pack-1.0-py3.whl", SHA, "pip", None, "My_Pack.age", "1.0", "my home")


def test_a_file_is_looked_up_where_pip_looks(monkeypatch, server):
    page = {
        "files": [{"filename": "x", "url": "x"}, {"url": "../../f/My_Pack-1.0-py3.whl#sha256=1"}]
    }
    server.files["/simple/my-pack-age/"] = json.dumps(page).encode()
    server.kinds["/simple/my-pack-age/"] = "application/vnd.pypi.simple.v1+json"
    server.files["/more/my-pack-age/"] = b'<a name=x>?</a><A HREF="/g/My%5FPack-1.0-py3.whl">x</A>'
    known = {"index-url": f"{server.url}/simple", "extra-index-url": f"{server.url}/more/"}
    monkeypatch.setattr(registries, "pip_settings", lambda: known)
    found = (f"{server.url}/f/My_Pack-1.0-py3.whl", f"{server.url}/g/My%5FPack-1.0-py3.whl")
    assert find_on_pypi(WHEEL, Web()) == found
    known["extra-index-url"] = f"{server.url}/none"
    assert find_on_pypi(WHEEL, Web()) == found[:1]
    with pytest.raises(UserError) as caught:
        find_on_pypi(replace(WHEEL, file="other.whl"), Web())
    assert str(caught.value) == (
        f"the package indexes of pip have no other.whl ({server.url}/none/my-pack-age/ answers "
        "404); get it from my home and give its folder as --mirror"
    )


def test_without_a_setting_of_pip_the_usual_index_is_asked(monkeypatch):
    asked = []

    class Seen(Web):
        def read(self, url: str, accept: str, largest: int) -> tuple[bytes, str, str]:
            asked.append(url)
            return b"", "text/html", url

    monkeypatch.setattr(registries, "pip_settings", dict)
    monkeypatch.setattr(registries.pypi_simple, "PYPI_SIMPLE_ENDPOINT", "https://usual/simple/")
    with pytest.raises(UserError, match=r"have no My_Pack-1.0-py3.whl \(they do not list it\)"):
        find_on_pypi(WHEEL, Seen())
    assert asked == ["https://usual/simple/my-pack-age/"]


def test_settings_of_pip_are_read_in_its_order(monkeypatch):
    monkeypatch.setattr(
        registries,
        "_ask",
        lambda command: (
            ":env:.cert='/c'\nglobal.cert='/a'\nglobal.index-url='https://a/s'\n"
            "install.index-url='https://b/s=1'\nfreeze.timeout='10'\nodd line\n"
        ),
    )
    assert registries.pip_settings() == {"cert": "/c", "index-url": "https://b/s=1"}
    monkeypatch.setattr(registries, "_ask", lambda command: None)
    assert registries.pip_settings() == {}


def program(folder: Path, name: str, text: str, monkeypatch) -> None:
    (folder / name).write_text(f"#!{sys.executable}\nimport sys\n{text}\n")
    (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_npm_and_apt_are_asked_for_addresses_alone(tmp_path, monkeypatch):
    archive = replace(WHEEL, package="pack", file="pack.tgz")
    print_all = "print('http://host/x/' + '+'.join(sys.argv[1:]))"
    program(tmp_path, "npm", f"print('warning: odd')\n{print_all}", monkeypatch)
    assert find_on_npm(archive, Web()) == ("http://host/x/view+pack@1.0+dist.tarball",)
    quoted = print_all.replace("print(", "print(chr(39) + ").replace("))", ") + chr(39) + ' x 1')")
    program(tmp_path, "apt-get", quoted, monkeypatch)
    assert find_on_debian(archive, Web()) == ("http://host/x/download+--print-uris+pack=1.0",)
    program(tmp_path, "npm", "", monkeypatch)
    program(tmp_path, "apt-get", "print(chr(39) + 'cdrom:x' + chr(39))", monkeypatch)
    with pytest.raises(UserError, match=r"npm knows no pack@1\.0; get it from my home and give"):
        find_on_npm(archive, Web())
    with pytest.raises(UserError, match=r"apt knows no pack=1\.0; run `apt-get update`, or get it"):
        find_on_debian(archive, Web())
    program(tmp_path, "npm", "sys.exit(1)", monkeypatch)
    with pytest.raises(UserError, match=r"npm, which gets pack\.tgz, does not run; get it from my"):
        find_on_npm(archive, Web())
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match=r"apt, which gets pack\.tgz, does not know it; get it"):
        find_on_debian(archive, Web())
    program(tmp_path, "npm", "import time; time.sleep(60)", monkeypatch)
    monkeypatch.setattr(registries, "SECONDS", 0.2)
    with pytest.raises(UserError, match="does not run"):
        find_on_npm(archive, Web())


# --- the stage ------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Iterator[Path]:
    """A folder with the archive of the proverbs in a mirror."""
    monkeypatch.chdir(tmp_path)
    text = "Unu.\n%\nDu ĉu?\n".encode()
    content = deb_of({"./usr/share/games/fortunes/eo/proverbaro": text})
    known = catalogue.SOURCES["esperanto-proverbs"]
    assert known.archive is not None
    sha256 = hashlib.sha256(content).hexdigest()
    changed = replace(known, archive=replace(known.archive, sha256=sha256))
    monkeypatch.setattr(catalogue, "SOURCES", {"esperanto-proverbs": changed})
    Path("mirror").mkdir()
    Path("mirror", known.archive.file).write_bytes(content)
    handler = signal.getsignal(signal.SIGTERM)
    yield tmp_path
    signal.signal(signal.SIGTERM, handler)


def start(settings: dict[str, Any], *more: str) -> int:
    Path("spec.json").write_bytes(readable_json(spec("fetch_corpus", {"source": settings})))
    arguments = ["--spec", "spec.json", "--source", "out/source", "--receipt", "out/receipt.json"]
    with pytest.raises(SystemExit) as caught:
        fetch_corpus.STAGE.main(fetch_corpus.run, [*arguments, *more])
    assert isinstance(caught.value.code, int)
    return caught.value.code


PROVERBS = {"kind": "esperanto-proverbs"}


def test_sentences_source_and_licence_are_written(folder, capsys):
    assert start(PROVERBS, "--mirror", "mirror", "--offline") == 0
    out = folder / "out/source"
    assert names(out) == ["LICENCE.txt", "source.json", "text.jsonl"]
    text = '{"text": "Unu."}\n{"text": "Du ĉu?"}\n'.encode()
    assert (out / "text.jsonl").read_bytes() == text
    facts = json.loads((out / "source.json").read_text())
    archive = catalogue.SOURCES["esperanto-proverbs"].archive
    assert archive is not None
    assert facts["records"] == 2
    assert facts["text_sha256"] == hashlib.sha256(text).hexdigest()
    assert facts["bytes"] == Path("mirror", archive.file).stat().st_size
    assert (facts["archive"], facts["sha256"], facts["version"]) == (
        archive.file, archive.sha256, "20020729b-1.1",
    )  # fmt: skip
    assert {"name", "licence", "citation", "upstream", "terms", "settings"} <= facts.keys()
    licence = (out / "LICENCE.txt").read_text()
    for part in ("licence", "terms", "citation", "upstream", "name"):
        assert facts[part] in licence
    assert "2 sentences of Proverbaro Esperanta" in capsys.readouterr().err
    before = {path: path.read_bytes() for path in out.iterdir()}
    assert start(PROVERBS, "--mirror", "mirror") == 0
    assert before == {path: path.read_bytes() for path in out.iterdir()}


def test_without_the_net_one_line_says_what_is_missing(folder, capsys):
    assert start(PROVERBS, "--offline", "--downloads", "kept") == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "and put it into kept" in error
    assert not Path("out/source").exists()


def test_settings_that_leave_nothing_are_an_error(folder, capsys, monkeypatch):
    known = catalogue.SOURCES["esperanto-proverbs"]
    empty = replace(known, read=lambda path, settings: iter(()))
    monkeypatch.setattr(catalogue, "SOURCES", {"esperanto-proverbs": empty})
    assert start(PROVERBS, "--mirror", "mirror") == 1
    assert "esperanto-proverbs has no sentence with these settings; take" in capsys.readouterr().err
    assert not Path("out/source").exists()


def test_the_net_is_asked_and_the_archive_kept_in_the_downloads(folder, server, capsys):
    server.files["/data.jsonl"] = b'{"text": "One.", "who": "A"}\n{"text": "Two."}\n'
    sha256 = hashlib.sha256(server.files["/data.jsonl"]).hexdigest()
    settings = {
        "kind": "url", "url": f"{server.url}/data.jsonl", "sha256": sha256, "format": "automatic",
        "text": "text", "prompt": None, "label": None, "group": None, "licence": "CC0",
    }  # fmt: skip
    assert start(settings) == 0
    assert names(folder / "data/downloads") == [f"{sha256[:12]}-data.jsonl"]
    assert Path("out/source/text.jsonl").read_bytes() == b'{"text": "One."}\n{"text": "Two."}\n'
    assert "Licence: CC0" in Path("out/source/LICENCE.txt").read_text()
    server.http.server_close()
    assert start(settings) == 0
    assert len(server.asked) == 1


def test_a_request_to_stop_is_one_line(folder, capsys, monkeypatch):
    def read(path: Any, settings: Any) -> Iterator[dict[str, Any]]:
        yield {"text": "One."}
        os.kill(os.getpid(), signal.SIGTERM)
        yield {"text": "Two."}

    known = replace(catalogue.SOURCES["esperanto-proverbs"], read=read)
    monkeypatch.setattr(catalogue, "SOURCES", {"esperanto-proverbs": known})
    assert start(PROVERBS, "--mirror", "mirror") == 1
    assert capsys.readouterr().err.endswith("what was transferred is kept\n")
    assert not Path("out/source").exists()


def test_the_help_names_the_options(capsys):
    with pytest.raises(SystemExit):
        fetch_corpus.STAGE.main(fetch_corpus.run, ["--help"])
    shown_help = " ".join(capsys.readouterr().out.split())
    assert "never fetched again (default: data/downloads)" in shown_help
    assert "--mirror [FOLDER]" in shown_help
    assert "never ask the net (default: no)" in shown_help
