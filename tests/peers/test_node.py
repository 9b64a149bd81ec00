"""Modules are placed for node while another test's program reads them."""

from pathlib import Path

from tests.peers.node import NodePeers


def test_whoever_reads_a_module_while_it_is_placed_again_reads_all_of_it(tmp_path: Path) -> None:
    folder, module = tmp_path / "cache", tmp_path / "service.mjs"
    folder.mkdir()
    peers = NodePeers("node", folder)
    module.write_text("first")

    with peers.place(module).open() as reader:
        module.write_text("second")
        placed = peers.place(module)

        assert reader.read() == "first"
    assert placed.read_text() == "second"
    assert list(folder.iterdir()) == [placed]
