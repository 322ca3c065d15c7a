"""Films: that they play at the speed they state, and show what happened."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from components.environments.rendering.opengl import RenderError
from components.environments.rendering.video import FRAMES, SECONDS, choose_frames, write_video


@pytest.mark.parametrize(
    ("count", "step", "speed"), [(150, 0.2, 2), (1000, 0.05, 4), (20, 0.02, 1), (1, 0.05, 1)]
)
def test_a_film_plays_at_the_speed_it_states(count, step, speed):
    chosen = choose_frames(count, step)
    assert chosen.speed == speed
    assert len(chosen.states) <= FRAMES
    assert chosen.states[0] == 0
    assert max(chosen.states) < count
    seconds = chosen.delay * len(chosen.states)
    assert seconds <= SECONDS + chosen.delay
    # At most a frame is left over at the end.
    assert 0 <= seconds - count * step / speed + 1e-6 <= chosen.delay + 1e-6


def test_a_film_shows_the_point_move(point, tmp_path):
    state, _ = point.reset(jax.random.key(0))
    states = jax.tree.map(lambda x: jnp.stack([x] * 10), state)
    shift = jnp.stack([jnp.linspace(0, 2, 10, dtype=jnp.float32), jnp.zeros(10, jnp.float32)], 1)
    states = states._replace(
        physics_state=states.physics_state._replace(qpos=states.physics_state.qpos + shift)
    )
    try:
        write_video(point, states, tmp_path / "film.gif")
    except RenderError as error:
        pytest.skip(str(error))
    with Image.open(tmp_path / "film.gif") as movie:
        assert movie.n_frames == 10
        assert movie.info["duration"] == 200
        assert movie.info["loop"] == 0
        assert movie.size == (320, 240)
        frames = []
        for i in (0, 9):
            movie.seek(i)
            frames.append(np.asarray(movie.convert("RGB"), int))
    assert (np.abs(frames[0] - frames[1]).max(axis=-1) > 40).mean() > 0.02
