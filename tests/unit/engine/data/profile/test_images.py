import numpy as np
from PIL import Image

from engine import api


def test_pictures_of_many_kinds_and_one_that_is_broken(tmp_path):
    rng = np.random.default_rng(0)
    for name, level in (("cat", 40), ("dog", 200)):
        folder = tmp_path / "pets" / name
        folder.mkdir(parents=True)
        for number in range(12):
            side = 24 + number % 3
            pixels = np.clip(rng.normal(level, 20, (side, side, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).convert("L" if number % 2 else "RGB").save(folder / f"{number}.png")
    (tmp_path / "pets" / "cat" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n but nothing more")
    images = api.profile(api.import_data([tmp_path / "pets"]).id)["images"]
    assert images["unreadable"] == 1
    assert images["modes"] == {"RGB": 12, "L": 12}
    assert images["distinct_sizes"] == 3
    assert sum(size["count"] for size in images["sizes"]) == 24
    assert {name: len(rows) for name, rows in images["examples"].items()} == {"cat": 12, "dog": 12}
    counts, edges = images["brightness"]["counts"], images["brightness"]["edges"]
    assert sum(counts) == 24
    assert sum(count for count, edge in zip(counts, edges[1:], strict=True) if edge <= 128) == 12
    assert set(images["mean_images"]) == {"cat", "dog"}
