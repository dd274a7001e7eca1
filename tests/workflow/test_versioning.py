"""Two people, two clones, a shared remote: what is saved, restored, refused and computed again."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from clones import CHECKPOINT, Clone, flip
from projects import small_disk_at
from seqgan.locks import Lock

pytestmark = pytest.mark.workflow
SEQGAN = {
    f"seed-1/{stage}-seqgan"
    for stage in ("train_adversarially", "sample_sentences", "evaluate", "sweep_sampling")
}
LAST = {"summarise", "report"}


# --- the story of two people ----------------------------------------------------------------------


def test_a_clone_that_is_restored_has_nothing_to_compute(saved, other):
    assert "absent" in other.results("verify", "smoke", status=1)
    said = other.results("restore", "smoke")
    assert "20 of 20 jobs are whole" in said
    assert other.stale() == set()
    assert "Nothing to be done" in other.snakemake("--cores", "1")
    assert other.content("**/*.safetensors") == saved.content("**/*.safetensors")
    assert other.git("status", "--porcelain") == ""
    other.results("verify", "smoke")


def test_one_value_reruns_its_method_alone_and_its_return_nothing(other):
    other.results("restore", "smoke")
    other.edit(lambda experiment: experiment["methods"]["seqgan"].update(learning_rate=0.002))
    assert other.stale() == SEQGAN | LAST
    other.git("checkout", "-q", "config")
    said = other.results("restore", "smoke")
    assert "20 of 20 jobs are whole" in said
    assert other.stale() == set()


def test_a_flipped_byte_is_caught_and_restored(other):
    other.results("restore", "smoke")
    flip(other.folder / CHECKPOINT)
    assert "damaged" in other.results("verify", "smoke", status=1)
    said = other.results("restore", "smoke", status=1)
    assert f"{CHECKPOINT} differs from its receipt, and no snapshot holds it" in said
    said = other.results("restore", "smoke", "--force")
    assert "20 of 20 jobs are whole (1 restored now)" in said
    other.results("verify", "smoke")
    assert other.stale() == set()


def test_code_that_was_committed_without_a_run_redoes_what_it_decides(mine, tmp_path):
    """A changes a metric and commits; B restores, and evaluation alone is computed again."""
    metric = mine.folder / "src/seqgan/metrics/diversity.py"
    metric.write_text(metric.read_text() + "\nCHANGED = 1\n")
    assert "jobs are not ok, such as" in mine.results("snapshot", "smoke", status=1)
    mine.commit("another metric")
    other = mine.clone(tmp_path / "B")
    said = other.results("restore", "smoke")
    assert "code.seqgan/metrics/diversity.py" in said
    names = {line.split(": ")[1] for line in said.splitlines() if line.startswith("stale: ")}
    expected = {name for name in names if name.split("/")[-1].startswith(("evaluate", "sweep"))}
    assert names - LAST == expected
    assert any(name.startswith("seed-1/evaluate") for name in names)
    assert other.stale() == names
    assert (other.folder / CHECKPOINT).is_file()


def test_saving_again_saves_what_changed_and_the_other_gets_it(mine, tmp_path):
    mine.edit(lambda experiment: experiment["sampling"].update(temperature=0.9))
    assert "run snakemake first" in mine.results("snapshot", "smoke", status=1)
    mine.snakemake("--cores", "2")
    said = mine.results("snapshot", "smoke", status=1)
    assert "is not in git yet: config/smoke.yaml; commit it first" in said
    mine.commit("cooler")
    mine.results("snapshot", "smoke")
    mine.commit("cooler results")
    other = mine.clone(tmp_path / "B")
    assert "20 of 20 jobs are whole" in other.results("restore", "smoke")
    # And back: what the branch had before is put back from the cache, without the net.
    other.git("checkout", "-q", "HEAD~2")
    shutil.rmtree(other.folder.parent / "people" / "store" / "files", ignore_errors=True)
    said = other.results("restore", "smoke", "--offline", status=1)
    assert "not in the cache" in said or "no snapshot" in said
    other.git("checkout", "-q", "-f", "main")
    assert "20 of 20" in other.results("restore", "smoke", "--offline")
    assert other.stale() == set()


# --- what is not believed -------------------------------------------------------------------------


def test_dvc_pull_alone_blesses_nothing(mine, tmp_path):
    mine.edit(lambda experiment: experiment["methods"]["seqgan"].update(rounds=4))
    mine.commit("another number of rounds, not run")
    other = mine.clone(tmp_path / "B")
    other.dvc("pull", "-q")
    assert other.stale() >= SEQGAN | LAST
    assert "stale" in other.results("verify", "smoke", status=1)


def corrupt(store: Path, change: Callable[[Path], object], pattern: str = "*[!r]") -> None:
    """Change every object of a kind: those of files, or with ``*.dir`` the lists of folders."""
    places = sorted(store.glob(f"files/md5/??/{pattern}"))
    assert places
    for path in places:
        mode = path.stat().st_mode
        path.chmod(0o644)
        change(path)
        path.chmod(mode)


@pytest.mark.parametrize(
    "change", [flip, lambda path: path.write_bytes(b"cut")], ids=["bit", "cut"]
)
@pytest.mark.parametrize("verified", [True, False])
def test_a_damaged_remote_is_never_believed(mine, tmp_path, change, verified):
    if verified:
        mine.dvc("remote", "modify", "shared", "verify", "true")
        mine.commit("verified")
    corrupt(mine.folder.parent / "store", change)
    other = mine.clone(tmp_path / "B")
    said = other.results("restore", "smoke", status=1)
    assert "restored" in said or "dvc fetch failed" in said
    assert not (other.folder / CHECKPOINT).exists()
    # Nothing was put in place: data are absent, or will be made.
    assert not list((other.folder / "results/smoke").glob("checkpoints/**/*.safetensors"))


def test_a_damaged_cache_is_filled_again_from_the_remote(other):
    other.results("restore", "smoke")
    corrupt(other.folder / ".dvc/cache", flip)
    shutil.rmtree(other.folder / "results/smoke/checkpoints")
    said = other.results("restore", "smoke", "--offline", status=1)
    assert "has other bytes than its receipt says" in said
    assert "4 have their outputs elsewhere" in said
    assert not (other.folder / CHECKPOINT).exists()
    assert "20 of 20 jobs are whole" in other.results("restore", "smoke")
    other.results("verify", "smoke")


@pytest.mark.parametrize("pattern", ["*.dir", "*[!r]"])
def test_a_snapshot_sends_nothing_that_is_damaged(mine, tmp_path, pattern):
    """DVC believes what is read-only in its cache; who restores would find out."""
    corrupt(mine.folder / ".dvc/cache", flip, pattern)
    shutil.rmtree(mine.folder.parent / "store")
    (mine.folder.parent / "store").mkdir()
    assert "copied to the remote shared" in mine.results("snapshot", "smoke")
    other = mine.clone(tmp_path / "B")
    assert "20 of 20 jobs are whole" in other.results("restore", "smoke")


def test_lists_of_files_that_are_damaged_are_fetched_again(other):
    other.results("restore", "smoke")
    corrupt(other.folder / ".dvc/cache", flip, "*.dir")
    shutil.rmtree(other.folder / "results/smoke/checkpoints")
    assert "no snapshot of it is at hand" in other.results(
        "restore", "smoke", "--offline", status=1
    )
    assert "20 of 20 jobs are whole" in other.results("restore", "smoke")


def test_what_only_the_cache_has_is_not_taken_for_saved(other):
    """No commit names it: who cleans the cache removes it."""
    other.results("restore", "smoke")
    flip(other.folder / CHECKPOINT)
    other.run("cp", CHECKPOINT, "apart")
    other.dvc("add", "-q", "apart")
    (other.folder / "apart.dvc").unlink()
    said = other.results("restore", "smoke", status=1)
    assert f"{CHECKPOINT} differs from its receipt, and no snapshot holds it" in said
    # With a pointer in the working tree it is somebody's.
    other.dvc("add", "-q", "apart")
    assert "20 of 20 jobs are whole (1 restored now)" in other.results("restore", "smoke")


def test_receipts_that_a_restoration_removed_come_back_from_git(other):
    other.edit(lambda experiment: experiment["methods"]["seqgan"].update(learning_rate=0.002))
    assert "git holds the receipts of" not in other.results("restore", "smoke")
    other.git("checkout", "-q", "config")
    said = other.results("restore", "smoke")
    hint = "git holds the receipts of 6 of them; if they are wanted: git checkout -- results/smoke"
    assert hint in said
    other.git("checkout", "-q", "--", "results/smoke/receipts")
    assert "20 of 20 jobs are whole" in other.results("restore", "smoke")


def test_no_receipt_is_removed_that_git_does_not_hold(other):
    other.results("restore", "smoke")
    receipt = other.folder / "results/smoke/receipts/seed-1/evaluate-mle.json"
    receipt.write_text(receipt.read_text() + "\n")
    other.edit(lambda experiment: experiment["methods"]["mle"].update(weights="last"))
    before = receipt.read_text()
    said = other.results("restore", "smoke", status=1)
    assert "git does not hold their receipts (results/smoke/receipts/seed-1/evaluate-mle" in said
    assert receipt.read_text() == before
    other.results("restore", "smoke", "--force")
    assert not receipt.exists()


def test_a_list_of_files_that_leads_out_is_refused(other):
    folder = other.folder / "results/smoke/receipts/seed-1/pretrain_generator.json"
    receipt = json.loads(folder.read_text())
    checkpoint = receipt["outputs"]["results/smoke/checkpoints/seed-1/pretrain_generator"]
    checkpoint["files"]["../../../../../../outside"] = {"sha256": "0" * 64, "bytes": 1}
    body = {key: value for key, value in receipt.items() if key not in ("schema", "sha256")}
    from seqgan.provenance import sha256
    from seqgan.records import canonical_json

    receipt["sha256"] = sha256(canonical_json(body))
    folder.write_text(json.dumps(receipt))
    said = other.results("restore", "smoke", status=1)
    assert "which leads out of it" in said
    assert not (other.folder.parent / "outside").exists()


def test_no_output_is_a_link_into_the_cache(mine, tmp_path):
    """Whatever links DVC is told to make: writing into an output must not reach the cache."""
    for kind in ("hardlink", "symlink"):
        mine.dvc("config", "cache.type", kind)
        mine.commit(kind)
        (mine.folder / "results/smoke/sentences.dvc").unlink()  # so that it is added again
        mine.results("snapshot", "smoke")
        mine.git("checkout", "-q", "-f", "HEAD")
        other = mine.clone(tmp_path / kind)
        other.results("restore", "smoke")
        for clone in (mine, other):
            for path in (clone.folder / "results/smoke").rglob("*"):
                if path.is_file():
                    assert not path.is_symlink(), path
                    assert path.stat().st_nlink == 1, path
                    assert os.access(path, os.W_OK)


# --- faults ---------------------------------------------------------------------------------------


def test_a_full_disk_under_the_cache_saves_nothing(mine):
    pointers = {path: path.read_bytes() for path in (mine.folder / "results").rglob("*.dvc")}
    with small_disk_at(mine.folder / "small", "400k") as disk:
        mine.dvc("cache", "dir", "--local", str(disk / "cache"))
        said = mine.results("snapshot", "smoke", status=1)
        assert "no room left on the disk for" in said
        assert not [path for path in disk.rglob("*") if path.is_file()]
        assert {path: path.read_bytes() for path in pointers} == pointers
        mine.dvc("cache", "dir", "--local", "--unset")
    assert "nothing has changed" in mine.results("snapshot", "smoke")


def test_a_full_disk_under_the_results_loses_nothing(other):
    kept = other.folder / "texts"
    (other.folder / "results").rename(kept)
    with small_disk_at(other.folder / "results", "1m") as disk:
        shutil.copytree(kept, disk, dirs_exist_ok=True)
        said = other.results("restore", "smoke", status=1)
        assert "no room left on the disk for results/smoke/" in said
        assert other.git("status", "--porcelain", "results") == ""
        assert not list(disk.rglob("smoke/**/.[!g]*"))
        other.run("mount", "-o", "remount,size=64m", str(disk))
        assert "20 of 20 jobs are whole" in other.results("restore", "smoke")
        other.results("verify", "smoke")


def test_what_a_snapshot_that_was_killed_left_goes(mine):
    left = mine.folder / ".dvc/cache/.intake-x"
    left.mkdir()
    (left / "part").write_bytes(b"part")
    assert "nothing has changed" in mine.results("snapshot", "smoke")
    assert not left.exists()


def test_a_remote_that_is_gone_is_one_line_and_can_be_tried_again(mine, tmp_path):
    store = mine.folder.parent / "store"
    store.rename(tmp_path / "away")
    store.write_text("no folder")
    mine.edit(lambda experiment: experiment["sampling"].update(temperature=0.9))
    mine.commit("cooler")
    mine.snakemake("--cores", "2")
    assert "dvc push failed" in mine.results("snapshot", "smoke", status=1)
    store.unlink()
    (tmp_path / "away").rename(store)
    assert "copied to the remote shared" in mine.results("snapshot", "smoke")
    mine.commit("results of cooler")
    assert "20 of 20 jobs are whole" in mine.clone(tmp_path / "B").results("restore", "smoke")


# --- gates ----------------------------------------------------------------------------------------


def test_nothing_is_saved_or_restored_while_snakemake_runs(mine):
    lock = mine.folder / ".snakemake/locks/0.input.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    for command in ("snapshot", "restore"):
        assert "snakemake is running in this folder" in mine.results(command, "smoke", status=1)


def test_one_snapshot_or_restoration_at_a_time(mine):
    lock = Lock(mine.folder / ".dvc/tmp/results.lock")
    assert lock.acquire()
    for command in ("snapshot", "restore"):
        said = mine.results(command, "smoke", status=1)
        assert "another snapshot or restore is at work in this folder (process" in said
    lock.release()
    assert "nothing has changed" in mine.results("snapshot", "smoke")


def test_a_configuration_that_git_ignores_is_not_saved(mine):
    """Nobody else would have it."""
    (mine.folder / ".git/info/exclude").write_text("config/mine.yaml\n")
    (mine.folder / "config/smoke.yaml").rename(mine.folder / "config/mine.yaml")
    mine.commit("my own")
    said = mine.results("snapshot", "smoke", "--configfile", "config/mine.yaml", status=1)
    assert "is not in git yet: config/mine.yaml; commit it first" in said


def test_a_snapshot_that_is_refused_leaves_everything_as_it_was(mine):
    """The pointers too are those of the last snapshot."""
    before = {path: path.read_bytes() for path in (mine.folder / "results").rglob("*.dvc")}
    flip(mine.folder / CHECKPOINT)
    said = mine.results("snapshot", "smoke", status=1)
    assert "jobs are not ok, such as seed-1/train_adversarially-seqgan (damaged" in said
    assert {path: path.read_bytes() for path in (mine.folder / "results").rglob("*.dvc")} == before
    assert mine.git("status", "--porcelain") == ""
    flip(mine.folder / CHECKPOINT)
    assert "nothing has changed" in mine.results("snapshot", "smoke")
    for path in before:
        path.unlink()
    mine.commit("no pointers")
    flip(mine.folder / CHECKPOINT)
    mine.results("snapshot", "smoke", status=1)
    assert not list((mine.folder / "results").rglob("*.dvc"))
    assert mine.git("status", "--porcelain") == ""


def test_what_a_refused_snapshot_has_not_saved_is_not_restored_over(mine):
    mine.edit(lambda experiment: experiment["sampling"].update(temperature=0.9))
    mine.snakemake("--cores", "2")
    said = mine.results("snapshot", "smoke", status=1)
    assert "is not in git yet: config/smoke.yaml; commit it first" in said
    mine.git("stash", "-q", "--", "config")
    said = mine.results("restore", "smoke", status=1)
    assert "do not correspond" in said or "no snapshot holds it" in said
    mine.git("checkout", "-q", "stash@{0}", "--", "config")
    mine.results("verify", "smoke")


def test_what_no_job_makes_is_not_saved(mine):
    extra = mine.folder / "results/smoke/checkpoints/seed-1/train_adversarially-old/last"
    extra.mkdir(parents=True)
    (extra / "weights.safetensors").write_bytes(b"old")
    said = mine.results("snapshot", "smoke", status=1)
    assert "makes results/smoke/checkpoints/seed-1/train_adversarially-old; remove" in said


@pytest.mark.parametrize(
    "name", ["metrics/junk.bin", "receipts/seed-1/evaluate-gone.json", "metrics/seed-1/old/x"]
)
def test_no_text_is_saved_that_no_job_makes(mine, name):
    path = mine.folder / "results/smoke" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"junk")
    said = mine.results("snapshot", "smoke", status=1)
    assert "no job of the configuration makes results/smoke/" in said
    assert mine.git("diff", "--cached", "--name-only") == ""


def test_code_that_is_not_committed_is_not_saved(mine):
    with open(mine.folder / "src/seqgan/errors.py", "a", encoding="utf-8") as file:
        file.write("# a remark decides nothing, but git has not this file\n")
    said = mine.results("snapshot", "smoke", status=1)
    assert "is not in git yet: src/seqgan/errors.py; commit it first" in said
    mine.git("checkout", "-q", "src")
    assert "nothing has changed since the last commit" in mine.results("snapshot", "smoke")


def test_an_unknown_experiment_remote_or_part_is_named(other):
    assert "no file in config/ defines" in other.results("restore", "nothing", status=1)
    assert "results/quickstart is not there yet" in other.results(
        "snapshot", "quickstart", status=1
    )
    said = other.results("restore", "smoke", "--remote", "moon", status=1)
    assert "no remote is called moon; known: shared" in said
    assert "invalid choice: 'weights'" in other.results(
        "restore", "smoke", "--only", "weights", status=2
    )


def test_without_a_remote_it_says_what_to_type(mine, tmp_path):
    mine.dvc("remote", "remove", "shared")
    mine.commit("no remote")
    (mine.folder / "results/smoke/figures.dvc").unlink()
    said = mine.results("snapshot", "smoke")
    assert "kept in this machine's cache alone: there is no remote: say where with" in said
    other = mine.clone(tmp_path / "B")
    said = other.results("restore", "smoke", status=1)
    assert "not all is in this machine's cache, and there is no remote: say where with" in said
    assert "not restored: results/smoke/checkpoints" in said


# --- partial, offline, without git ----------------------------------------------------------------


def test_checkpoints_alone(other):
    said = other.results("restore", "smoke", "--only", "checkpoints")
    assert "have their outputs elsewhere" in said
    assert (other.folder / CHECKPOINT).is_file()
    assert not (other.folder / "results/smoke/samples").exists()
    done = other.stage("sample_sentences", "--checkpoint", str(Path(CHECKPOINT).parent))
    assert done.returncode == 0, done.stderr


def test_an_archive_without_git_is_restored(saved, tmp_path):
    archive = tmp_path / "project.tar"
    saved.git("archive", "-o", str(archive), "HEAD")
    folder = tmp_path / "unpacked"
    folder.mkdir()
    saved.run("tar", "-xf", str(archive), "-C", str(folder))
    one = Clone(folder)
    assert "20 of 20 jobs are whole" in one.results("restore", "smoke")
    assert one.stale() == set()
    assert "this folder is no clone" in one.results("snapshot", "smoke", status=1)


# --- comparing and cleaning -----------------------------------------------------------------------


def test_scores_settings_and_curves_of_two_commits_without_any_data(mine, tmp_path):
    mine.edit(lambda experiment: experiment["methods"]["seqgan"].update(learning_rate=0.05))
    mine.snakemake("--cores", "2")
    mine.commit("faster")
    mine.results("snapshot", "smoke")
    mine.commit("results of faster")
    other = mine.clone(tmp_path / "B")
    means = json.loads(other.dvc("metrics", "diff", "--json", "HEAD~2"))
    changed = means["results/smoke/means.json"]
    assert "seqgan.nll_test" in changed
    assert not any(name.startswith(("mle.", "real.nll")) for name in changed)
    settings = json.loads(other.dvc("params", "diff", "--json", "HEAD~2"))
    assert "learning_rate" in str(settings["config/smoke.yaml"])
    plots = json.loads(other.dvc("plots", "diff", "--json", "HEAD~2", "HEAD"))
    assert set(plots["data"]) >= {"nll_validation", "nll_oracle"}
    said = other.results("compare", "smoke", "HEAD~2", "HEAD", "--figure", "curves.svg")
    lines = [line.split() for line in said.splitlines()]
    assert ["method", "metric", "before", "after", "difference"] in lines
    assert {line[0] for line in lines[1:-1]} <= {"seqgan", "constant_reward", "mle", "real"}
    assert any(line[:2] == ["seqgan", "nll_test"] for line in lines)
    assert (other.folder / "curves.svg").read_text().startswith("<?xml")
    assert "no score differs" in other.results("compare", "smoke", "HEAD")
    assert "nowhere is no commit, branch or tag" in other.results(
        "compare", "smoke", "nowhere", status=1
    )
    assert not (other.folder / ".dvc/cache").exists()


def test_what_the_cache_holds_and_what_nobody_needs(mine):
    said = mine.results("garbage")
    assert "smoke at" in said
    assert "nothing is unused" in said
    before = {path for path in (mine.folder / ".dvc/cache/files").rglob("*") if path.is_file()}
    mine.git("tag", "kept")
    mine.git("checkout", "-q", "-b", "gone")
    mine.edit(lambda experiment: experiment["methods"]["seqgan"].update(learning_rate=0.05))
    mine.snakemake("--cores", "2")
    mine.commit("faster")
    mine.results("snapshot", "smoke")
    mine.commit("results of faster")
    assert "(gone)" in mine.results("garbage")
    mine.git("checkout", "-q", "-f", "main")
    mine.git("branch", "-q", "-D", "gone")
    said = mine.run("python", "src/results.py", "garbage", input="n\n").stdout
    assert "of which no commit refers to" in said
    assert "nothing was removed" in said
    assert "removed from this machine" in mine.results("garbage", "--yes")
    after = {path for path in (mine.folder / ".dvc/cache/files").rglob("*") if path.is_file()}
    assert after == before
    assert "nothing is unused" in mine.results("garbage")


def test_what_only_earlier_commits_had_is_kept_unless_it_is_asked_for(mine):
    mine.dvc("remote", "remove", "shared")
    mine.git("tag", "-f", "here")
    mine.edit(lambda experiment: experiment["sampling"].update(temperature=0.9))
    mine.commit("cooler")
    mine.snakemake("--cores", "2")
    mine.results("snapshot", "smoke")
    mine.commit("results of cooler")
    mine.git("tag", "-d", "here")
    said = mine.results("garbage", "--yes")
    assert "of which only earlier commits refer to" in said
    assert "--tips removes them too" in said
    assert "nothing is unused" in said
    mine.git("checkout", "-q", "HEAD~2")
    assert "20 of 20 jobs are whole" in mine.results("restore", "smoke")
    mine.git("checkout", "-q", "-f", "main")
    assert "20 of 20 jobs are whole" in mine.results("restore", "smoke")
    said = mine.run("python", "src/results.py", "garbage", "--tips", input="n\n").stdout
    assert "there is no remote: this machine may have the only copy of them" in said
    assert "nothing was removed" in said
    assert "removed from this machine" in mine.results("garbage", "--tips", "--yes")
    assert "20 of 20 jobs are whole" in mine.results("restore", "smoke")
    mine.git("checkout", "-q", "HEAD~2")
    assert "not restored" in mine.results("restore", "smoke", "--offline", status=1)


def test_status_says_where_everything_is(mine, tmp_path):
    said = mine.results("status", "smoke")
    assert "results/smoke/checkpoints: " in said
    assert said.count("in the cache, on shared, here") == 7
    other = mine.clone(tmp_path / "B")
    assert other.results("status", "smoke").count("not all in the cache, on shared, not here") == 7
    assert "never saved" in other.results("status", "quickstart")
