"""Files that others wrote: they are read, or are one line of a ValueError or OSError."""

import contextlib
import json
import re
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from helpers import hostile_files
from helpers.mutation import draws
from helpers.readers import READERS, SECONDS, check_message, command, refusal
from helpers.run_mode import jitted_only
from helpers.soak import SOAK

import fastgrad as fg

N_FILES = 50 * SOAK
MEGABYTES = 100
CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())
ROOT = Path(__file__).parents[2]


@jitted_only
@pytest.mark.parametrize("kind", READERS)
def test_a_changed_file_is_read_or_refused(kind, folder):
    reader, rng, n_refused = READERS[kind], draws(0), 0
    contents = reader.seeds()
    for content in contents:
        assert reader.check(content) == ""
    for _ in range(N_FILES):
        n_refused += bool(reader.check(reader.changed(rng.choice(contents), rng)))
    assert n_refused > N_FILES / 4


@jitted_only
@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.name)
def test_files_that_were_found_by_fuzzing(file, folder):
    kind, _, _ = file.name.partition("-")
    reader = READERS[kind.replace("_", " ")]
    reader.seeds()
    assert reader.check(file.read_bytes())


# --- files made to harm --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A folder with all hostile files."""
    folder = tmp_path_factory.mktemp("hostile")
    with contextlib.chdir(folder):
        write_hostile()
    return folder


def write_hostile():
    np.save("y.npy", np.arange(20) % 2)
    for name, make in hostile_files.MODELS.items():
        Path(f"{name.replace(' ', '-')}.safetensors").write_bytes(make())
    for name, make in (hostile_files.ARRAYS | hostile_files.TABLES).items():
        Path(name).write_bytes(make())
    Path("seed.safetensors").unlink()


def names_in(folder):
    return [path.name for path in sorted(folder.iterdir()) if path.name != "y.npy"]


PROGRAM = """
import json, sys, time, warnings
import numpy as np
import fastgrad as fg

def peak():
    status = open("/proc/self/status").read()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024

def refusals(name):
    readers = [fg.load, fg.Ensemble.load, fg.TableModel.load, fg.resume]
    if not name.endswith(".safetensors"):
        has_file = name.endswith("npy") or "idx" in name
        readers = [lambda name: fg.data.read(name, target_file="y.npy" if has_file else None)]
    for read in readers:
        try:
            read(name)
        except (ValueError, OSError) as error:
            yield str(error)

warnings.simplefilter("ignore")
names = json.loads(sys.argv[1])
for name in sorted({name.rpartition(".")[2]: name for name in names}.values()):
    list(refusals(name))  # imports what reads it
found = {}
for name in names:
    open("/proc/self/clear_refs", "w").write("5")  # the peak is what there is now
    before, begin = peak(), time.process_time()
    messages = list(refusals(name))
    found[name] = [messages, time.process_time() - begin, peak() - before]
print(json.dumps(found))
"""


@jitted_only
@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process as Linux tells it")
def test_hostile_files_take_little_time_and_memory(hostile):
    command = [sys.executable, "-c", PROGRAM, json.dumps(names_in(hostile))]
    run = subprocess.run(command, check=False, capture_output=True, text=True, cwd=hostile)
    assert (run.returncode, run.stderr) == (0, "")
    for name, (messages, taken, megabytes) in json.loads(run.stdout).items():
        assert messages or name == "digits.csv", f"{name} is read"
        for message in messages:
            assert message.startswith(name), message
            check_message(message)
        assert taken < SECONDS, f"{name}: {taken} s"
        assert megabytes < MEGABYTES, f"{name}: {megabytes} MB"


@jitted_only
def test_commands_refuse_hostile_files_in_one_line(hostile, folder):
    for name in names_in(hostile):
        Path(name).symlink_to(hostile / name)
    rows = [{"length": 5.0 + k, "colour": "xyz"[k % 3], "y": "pq"[k % 2]} for k in range(40)]
    fg.TableModel(members=1, epochs=2, seed=0).fit(rows, target="y").save("good.model")
    Path("good.csv").write_bytes(hostile_files.TABLE)
    for name in names_in(hostile):
        if name.endswith(".safetensors"):
            runs = [["info", name], ["predict", name, "good.csv"], ["evaluate", name, "good.csv"]]
        else:
            runs = [["predict", "good.model", name], ["evaluate", "good.model", name]]
        for arguments in runs:
            with pytest.raises(ValueError, match=r"^fastgrad: error: ") as caught:
                command(*arguments)
            assert name in str(caught.value)


def test_an_array_that_nobody_asked_for_is_not_decompressed(folder):
    zeros = hostile_files.npy(np.zeros(hostile_files.MANY // 8))
    X, y = hostile_files.X, hostile_files.Y
    Path("t.npz").write_bytes(hostile_files.npz(other=zeros, X=X, y=y))
    tracemalloc.start()
    assert fg.data.read("t.npz").X.shape == (20, 3)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < hostile_files.MANY / 10


# --- code ----------------------------------------------------------------------------------------


def test_no_pickle_is_read(folder):
    files = hostile_files.pickles(folder / "marker")
    np.save("y.npy", np.arange(20) % 2)
    for name, content in files.items():
        Path(name).write_bytes(content)
        reads = [fg.data.read, fg.load, fg.Ensemble.load, fg.TableModel.load, fg.resume]
        reads.append(lambda name: fg.data.read(name, target_file="y.npy"))
        messages = [refusal(read, name) for read in reads]
        assert all(messages) or name == "typed.arrow"
        assert not Path("marker").exists(), name


def test_nothing_is_unpickled_but_compiled_code_and_what_a_cluster_sends():
    code = re.compile(
        r"(?<!\.)\b(pickle\.loads?|np\.load|eval|exec|allow_pickle|yaml|marshal|shelve)\b"
    )
    found = {
        path.relative_to(ROOT / "fastgrad").as_posix(): code.findall(path.read_text())
        for path in (ROOT / "fastgrad").rglob("*.py")
        if code.search(path.read_text())
    }
    of_cluster = found.pop("train/cluster.py")  # no files: see SECURITY.md
    assert set(of_cluster) == {"pickle.loads"}
    assert found.pop("codegen/disk_cache.py") == ["pickle.loads"]
    assert set(found.pop("explain/tracing.py")) == {"eval"}  # of lines of a function that is there
    of_c = found.pop("formats/c/python_source.py")  # kinds of code, which is compared and not run
    assert of_c == ["exec", "eval"]
    assert not found


# --- options -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [b"layers = " + b"[" * 5000, b"\xff", b"epochs = " + b"9" * 5000, b"\0"]
)
def test_options_that_cannot_be_read(content, run, file):
    file("options.toml", content)
    message = run("train", "--config", "options.toml", code=2)
    assert message.startswith("fastgrad: error: --config: options.toml: ")
    check_message(message)


def test_what_a_model_says_of_its_training_is_checked(run, model):
    net = fg.TableModel.load(model)
    original = dict(net.metadata)
    for change in ({"options": "x"}, {"test_size": "x"}, {"test_size": 2}, {"seed": -1}):
        net.metadata = original | change
        net.save("changed.safetensors")
        name = next(iter(change))
        command = ["info", "--toml", "changed.safetensors"]
        if name != "options":
            command = ["evaluate", "changed.safetensors", "flowers.csv"]
        assert name.replace("options", "toml").replace("_", "-") in run(*command, code=2).replace(
            "test_size", "test-size"
        )


def test_names_in_a_file_do_not_control_the_terminal(run, model):
    net = fg.TableModel.load(model)
    net.metadata["data"] = "\x1b[2Jrows\r"
    net.save("changed.safetensors")
    assert "\\x1b[2Jrows\\x0d" in run("info", "changed.safetensors")
