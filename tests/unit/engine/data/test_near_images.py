import numpy as np
from PIL import Image

from engine.data.near_images import near_image_groups, sketch_images


def pictures(count, side=48):
    rng = np.random.default_rng(0)
    found = []
    for _ in range(count):
        coarse = Image.fromarray(rng.integers(0, 255, (6, 6, 3), dtype=np.uint8))
        found.append(np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC)))
    return found


def test_other_sizes_and_small_noise_are_near_others_are_not():
    base = pictures(60)
    rng = np.random.default_rng(1)
    noisy = [np.clip(p.astype(int) + rng.integers(-5, 6, p.shape), 0, 255).astype(np.uint8) for p in base[:10]]
    smaller = [np.asarray(Image.fromarray(p).resize((32, 32), Image.Resampling.BOX)) for p in base[10:20]]
    groups = near_image_groups(sketch_images([base, noisy, smaller]))
    assert [group.tolist() for group in groups] == [[number, 60 + number] for number in range(20)]


def test_blank_pictures_are_not_called_the_same_thing():
    blank = [np.full((20, 20, 1), value, dtype=np.uint8) for value in (0, 2, 3, 255)]
    assert near_image_groups(sketch_images([blank])) == []
    assert near_image_groups(sketch_images([])) == []
