"""The master key: set by the operator, made only beside the embedded database."""

import base64
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from issuer import config, master_key
from issuer.entropy import Entropy
from issuer.errors import InvalidSettings

KEY = bytes(range(32))
OTHER_KEY = bytes(range(32, 64))


def encode(key):
    return base64.urlsafe_b64encode(key).decode()


@pytest.fixture
def embedded(tmp_path):
    """Give settings of the embedded database in an empty directory."""
    return config.load_settings(environ={"ISSUER_DATA_DIR": str(tmp_path)})


def write_key(settings, content, mode=0o600):
    path = settings.data_dir / "master-key"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def refused(settings, entropy):
    with pytest.raises(InvalidSettings) as refusal:
        master_key.find_or_make_master_key(settings, entropy)
    return refusal.value


def test_given_key_is_used_and_nothing_is_written(tmp_path, entropy):
    environ = {"ISSUER_DATA_DIR": str(tmp_path), "ISSUER_MASTER_KEY": f"{encode(KEY)},{encode(OTHER_KEY)}"}

    keys = master_key.find_or_make_master_key(config.load_settings(environ=environ), entropy)

    assert keys == (KEY, OTHER_KEY)
    assert list(tmp_path.iterdir()) == []


def test_key_is_made_once_beside_the_embedded_database(embedded, entropy):
    made = master_key.find_or_make_master_key(embedded, entropy)
    found = master_key.find_or_make_master_key(embedded, entropy)

    assert made == found == ((1).to_bytes(32, "big"),)
    assert [path.name for path in embedded.data_dir.iterdir()] == ["master-key"]


def test_made_key_is_for_its_owner_only_whatever_the_umask(embedded, entropy):
    before = os.umask(0)
    try:
        master_key.find_or_make_master_key(embedded, entropy)
    finally:
        os.umask(before)

    assert stat.S_IMODE((embedded.data_dir / "master-key").stat().st_mode) == 0o600


def test_made_key_can_be_moved_into_the_setting(embedded, entropy):
    made = master_key.find_or_make_master_key(embedded, entropy)

    moved = config.load_settings(environ={"ISSUER_MASTER_KEY_FILE": str(embedded.data_dir / "master-key")})

    assert moved.master_key == made


def test_file_may_hold_a_list_so_that_the_key_can_be_changed(embedded, entropy):
    write_key(embedded, f"{encode(KEY)},{encode(OTHER_KEY)}\n".encode())

    assert master_key.find_or_make_master_key(embedded, entropy) == (KEY, OTHER_KEY)


def test_key_that_another_process_made_meanwhile_is_taken(embedded):
    class Overtaken(Entropy):
        """Entropy during whose draw another process finishes first."""

        def draw(self, size):
            path = embedded.data_dir / "master-key"
            if not path.exists():
                write_key(embedded, encode(OTHER_KEY).encode())
            return bytes(size)

    assert master_key.find_or_make_master_key(embedded, Overtaken()) == (OTHER_KEY,)
    assert [path.name for path in embedded.data_dir.iterdir()] == ["master-key"]


def test_many_at_once_get_one_key(embedded):
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: master_key.find_or_make_master_key(embedded, Entropy()), range(64)))

    assert len(set(found)) == 1
    assert [path.name for path in embedded.data_dir.iterdir()] == ["master-key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o644, 0o777])
def test_key_file_open_to_others_is_refused(embedded, entropy, mode):
    path = write_key(embedded, encode(KEY).encode(), mode)

    assert refused(embedded, entropy).detail == (
        f"The master key {path} is open to others than its owner: chmod 600 {path}"
    )


@pytest.mark.parametrize("content", [b"", b"\n", b"hunter2", b"\xffhunter2", encode(KEY).encode() + b"\n\n"])
def test_key_file_without_a_key_is_refused_and_left_alone(embedded, entropy, content):
    path = write_key(embedded, content)

    refusal = refused(embedded, entropy)

    assert refusal.detail.startswith(f"The file {path} does not hold a master key. Restore it from a backup")
    assert "hunter2" not in f"{refusal!r} {refusal.detail}"
    assert refusal.__context__ is None
    assert path.read_bytes() == content


def test_key_file_that_cannot_be_read_is_refused(embedded, entropy):
    (embedded.data_dir / "master-key").symlink_to(embedded.data_dir / "missing")

    assert refused(embedded, entropy).detail.endswith(
        "cannot be read or made: No such file or directory. Put that right or set ISSUER_MASTER_KEY."
    )


def test_missing_data_directory_is_refused(tmp_path, entropy):
    settings = config.load_settings(environ={"ISSUER_DATA_DIR": str(tmp_path / "missing")})

    assert "cannot be read or made: No such file or directory." in refused(settings, entropy).detail


@pytest.mark.parametrize("url", ["postgresql://db/issuer", "sqlite:////srv/issuer.db"])
def test_elsewhere_the_key_is_required(tmp_path, entropy, url):
    settings = config.load_settings(environ={"ISSUER_DATA_DIR": str(tmp_path), "ISSUER_DATABASE_URL": url})

    assert refused(settings, entropy).detail.startswith("ISSUER_MASTER_KEY is required with this database.")
    assert list(tmp_path.iterdir()) == []


def test_command_that_the_refusal_names_makes_a_key(entropy):
    settings = config.load_settings(environ={"ISSUER_DATABASE_URL": "postgresql://db/issuer"})
    command = refused(settings, entropy).detail.split('"')[1]

    made = subprocess.run([sys.executable, "-c", command], check=True, capture_output=True, text=True)

    assert len(config.parse_master_key(made.stdout.removesuffix("\n"))[0]) == 32
